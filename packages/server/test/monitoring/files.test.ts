/** The files of `deploy` that Prometheus and Alertmanager read, checked by their own programs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alertCases } from '../../../../tools/monitoring/alert-cases.ts';
import { alerts } from '../../../../tools/monitoring/alerts.ts';
import { promtoolTests } from '../../../../tools/monitoring/promtool.ts';
import { provideAmtool, providePromtool } from '../support/prometheus.ts';

const deploy = resolve(import.meta.dirname, '../../../../deploy');
const rules = join(deploy, 'prometheus/latchkey.rules.yml');
const directory = mkdtempSync(join(tmpdir(), 'latchkey-rules-'));

afterAll(() => rmSync(directory, { recursive: true }));

function run(
  program: string,
  parameters: readonly string[],
): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

function testRules(files: readonly object[], name: string) {
  const paths = files.map((file, index) => {
    const path = join(directory, `${name}-${index}.yml`);
    writeFileSync(path, JSON.stringify(file));
    return path;
  });
  return run(providePromtool(), ['test', 'rules', ...paths]);
}

describe('promtool', () => {
  it('accepts the configuration and the rules', () => {
    const { code, output } = run(providePromtool(), ['check', 'config', join(deploy, 'prometheus/prometheus.yml')]);
    expect(output).not.toContain('FAILED');
    expect(code).toBe(0);
  });

  it('sees every alert fire, and not fire below its limit', () => {
    const { code, output } = testRules(promtoolTests(rules), 'cases');
    expect(output).not.toContain('FAILED');
    expect(code).toBe(0);
    expect([...new Set(alertCases.map(({ alert }) => alert))].sort()).toEqual(alerts.map(({ name }) => name).sort());
  });

  it('fails when an alert does not fire, or fires unexpectedly', () => {
    const [given] = alertCases.filter(({ alert }) => alert === 'LatchkeyDown');
    const swapped = { ...given!, quiet: given!.fires.series, fires: { ...given!.fires, series: given!.quiet } };
    const { code, output } = testRules(promtoolTests(rules, [swapped]), 'swapped');
    expect(code).toBe(1);
    expect(output.match(/got:/g)).toHaveLength(2);
  });
});

it('amtool accepts the configuration of Alertmanager', () => {
  const { code, output } = run(provideAmtool(), ['check-config', join(deploy, 'alertmanager/alertmanager.yml')]);
  expect(output).toContain('2 receivers');
  expect(code).toBe(0);
});
