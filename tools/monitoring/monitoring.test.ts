import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../packages/server/src/platform/telemetry/index.ts';
import { root } from '../steps.ts';
import { alerts } from './alerts.ts';
import { dashboards } from './dashboards.ts';
import { renderDashboard } from './grafana.ts';
import { metricNames } from './promql.ts';
import { annotationsOf } from './rules.ts';
import { toYaml } from './yaml.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface PanelModel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: { readonly uid: string };
  }[];
}

describe('an alert', () => {
  it('has a name of its own', () => {
    const names = alerts.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^Latchkey[A-Z]\w+$/.test(name))).toEqual([]);
  });

  it.each(alerts)('$name has a runbook with its name, its cause and the next steps', (alert) => {
    const page = annotationsOf(alert).runbook_url;
    expect(existsSync(join(root, page))).toBe(true);
    const text = read(page);
    expect(text).toContain(`\`${alert.name}\``);
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(['Meaning', 'Find the cause', 'What to do']);
  });

  it('is in the list of runbooks, which has no other page', () => {
    const pages = readdirSync(join(root, 'docs/runbooks')).filter((file) => file !== 'README.md');
    expect(pages.sort()).toEqual([...new Set(alerts.map(({ runbook }) => `${runbook}.md`))].sort());
    const list = read('docs/runbooks/README.md');
    expect(alerts.filter(({ name, runbook }) => !list.includes(`[\`${name}\`](${runbook}.md)`))).toEqual([]);
  });
});

describe.each(dashboards)('the dashboard $title', (dashboard) => {
  const { uid, panels, templating } = JSON.parse(renderDashboard(dashboard)) as {
    readonly uid: string;
    readonly panels: readonly PanelModel[];
    readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  };
  const graphs = panels.filter(({ type }) => type !== 'row');

  it('has an identifier that Grafana accepts, and a variable for the data source', () => {
    expect(uid).toMatch(/^latchkey-[a-z]{1,30}$/);
    expect(templating.list).toContainEqual(expect.objectContaining({ name: 'datasource', type: 'datasource' }));
  });

  it('has panels with identifiers of their own that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  it('describes each panel and gives it a unit and the selected data source', () => {
    expect(graphs.length).toBeGreaterThan(10);
    for (const { description = '', fieldConfig, datasource, targets = [] } of graphs) {
      expect(description).toMatch(/^[A-Z].+\.$/);
      expect(fieldConfig?.defaults.unit).toMatch(/^[a-z]+$/);
      expect([datasource?.uid, ...targets.map((target) => target.datasource.uid)]).toEqual(
        Array(targets.length + 1).fill('$datasource'),
      );
      expect(targets.map(({ refId }) => refId)).toEqual(['A', 'B', 'C'].slice(0, targets.length));
    }
  });
});

describe('the metrics of an expression', () => {
  it.each([
    ['up{job="latchkey"} == 0', ['up']],
    ['sum by (le, route) (rate(a_bucket{x="c{d}",y!~"/e|f"}[$__rate_interval])) or 0 * b', ['a_bucket', 'b']],
    ['histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m]))) > 14.4 * 1e-3', ['a_bucket']],
    ['latchkey:x:rate5m > 0.1 and on (instance) absent(y)', ['latchkey:x:rate5m', 'y']],
    ['max(a) unless ignoring (kind) group_left () (b offset 5m)', ['a', 'b']],
  ])('of %s are found', (expression, names) => {
    expect(metricNames(expression)).toEqual(names);
  });
});

it('YAML is written in block style, with quotes where a reader would see another type', () => {
  const value = {
    list: [{ name: 'a b', text: `it's "x"` }, 'no', 'plain'],
    empty: [],
    number: 1,
    line: 'a\nb',
    none: undefined,
  };
  expect(toYaml(value)).toBe(
    `list:\n  - name: 'a b'\n    text: 'it''s "x"'\n  - 'no'\n  - plain\nempty: []\nnumber: 1\nline: "a\\nb"\n`,
  );
});

it('Alloy labels lines with their level and service alone, which every line has', () => {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'info',
    service: 'latchkey',
    version: '1',
    destination: { write: (line) => lines.push(line) },
  });
  logger.info('hello');
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  const [, labels = ''] = /stage\.labels \{\s*values = \{([^}]*)\}/.exec(read('deploy/loki/config.alloy')) ?? [];
  expect(labels.match(/\w+(?= =)/g)).toEqual(['level', 'service']);
  expect(line).toMatchObject({ level: 'info', service: 'latchkey' });
  // The configuration reads the time in milliseconds.
  expect(Math.abs((line.time as number) - Date.now())).toBeLessThan(60_000);
});
