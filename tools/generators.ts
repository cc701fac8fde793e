/** Files that are generated from the code and committed, so that they can be read without running it. */
import { readFile, writeFile } from 'node:fs/promises';
import { commands } from '../packages/server/src/app/cli/list.ts';
import { commandsPage } from '../packages/server/src/app/cli/reference.ts';
import { dependencyPage } from '../packages/server/src/app/dependency-page.ts';
import { describedEndpoints, describedUrl } from '../packages/server/src/app/described.ts';
import { revocationMatrixPage } from '../packages/server/src/app/revocation-matrix-page.ts';
import { version } from '../packages/server/src/app/version.ts';
import { configurationPage } from '../packages/server/src/config/index.ts';
import { endpointTable, openApiDocument, problemTable } from '../packages/server/src/platform/http/index.ts';
import { metricsPage } from '../packages/server/src/platform/telemetry/index.ts';
import { installations } from './deploy/manifests.ts';
import { dashboards } from './monitoring/dashboards.ts';
import { renderDashboard } from './monitoring/grafana.ts';
import { prometheusRules } from './monitoring/rules.ts';
import { proofTable } from './proof-list.ts';
import { statementPage } from './statement-page.ts';

export type Generator = {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** Whether the committed file is up to date. */
  readonly check: () => Promise<boolean>;
};

/** In the order in which they run. */
export const generators: readonly Generator[] = [
  file('configuration', 'docs/reference/configuration.md', configurationPage),
  file('endpoints', 'docs/reference/endpoints.md', () => titled('Endpoints', endpointTable(describedEndpoints()))),
  file('problems', 'docs/reference/problems.md', () => titled('Problems', problemTable())),
  file('commands', 'docs/reference/commands.md', () => commandsPage(commands)),
  file('revocation-matrix', 'docs/reference/revocation-matrix.md', revocationMatrixPage),
  file('statements', 'docs/reference/statements.md', statementPage),
  file('metrics', 'docs/reference/metrics.md', metricsPage),
  file('dependencies', 'docs/reference/dependencies.md', dependencyPage),
  file('proofs', 'docs/reference/proofs.md', () => titled('Proofs', proofTable())),
  file('openapi', 'docs/reference/openapi.json', openApi),
  file('prometheus', 'deploy/prometheus/latchkey.rules.yml', prometheusRules),
  ...installations.map((name) =>
    file(`settings-${name}`, `deploy/kubernetes/overlays/${name}/settings.env`, () =>
      readFile(`deploy/environments/${name}.env`, 'utf8'),
    ),
  ),
  ...dashboards.map((dashboard) =>
    file(`grafana-${dashboard.name}`, `deploy/grafana/${dashboard.name}.json`, () => renderDashboard(dashboard)),
  ),
];

function titled(title: string, table: string): string {
  return `# ${title}\n\nGenerated from the code by \`npm run generate\`; do not edit.\n\n${table}`;
}

function openApi(): string {
  const published = describedEndpoints().filter(({ path }) => !path.startsWith('/dev/'));
  const document = openApiDocument(published, { publicUrl: new URL(describedUrl), version });
  return `${JSON.stringify(document, null, 2)}\n`;
}

function file(name: string, path: string, make: () => string | Promise<string>): Generator {
  return {
    name,
    run: async () => writeFile(path, await make()),
    check: async () => (await readFile(path, 'utf8').catch(() => undefined)) === (await make()),
  };
}
