/** `kubectl kustomize` builds every overlay, also with the annotations for a mesh, and the committed results, which the tests check without it, are what it builds. `terraform fmt` has nothing to change. With the word `write` it writes the results. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationFaults } from '../deploy/installation-rules.ts';
import { typeErrors } from '../deploy/manifest-types.ts';
import {
  digestOf,
  installations,
  podTemplates,
  readManifests,
  readSources,
  renderedFile,
  renderedPath,
} from '../deploy/manifests.ts';
import { root } from '../steps.ts';
import { tableLines } from './support/table.ts';

interface Outcome {
  readonly check: string;
  readonly fault: string;
}

/** @throws Error in a sentence when the program is not installed. */
function run(program: string, ...parameters: readonly string[]): { readonly output: string; readonly fault: string } {
  const { error, status, stdout, stderr } = spawnSync(program, parameters, { cwd: root, encoding: 'utf8' });
  if (error !== undefined)
    throw new Error(`This proof needs ${program} on the PATH; it is no Debian package. Tried: ${error.message}`);
  return { output: stdout, fault: status === 0 ? '' : `${stdout}${stderr}`.trim() || `exit code ${status}` };
}

const isWriting = process.argv.includes('write');
const outcomes: Outcome[] = [];
const digest = digestOf(readSources());

for (const overlay of ['blue', 'green', ...installations]) {
  const { output, fault } = run('kubectl', 'kustomize', join('deploy/kubernetes/overlays', overlay));
  outcomes.push({ check: `kubectl kustomize overlays/${overlay}`, fault });
  const installation = installations.find((name) => name === overlay);
  if (installation === undefined || fault !== '') continue;
  const path = renderedPath(installation);
  const rendered = renderedFile(output, digest);
  if (isWriting) writeFileSync(path, rendered);
  const isCurrent = readFileSync(path, 'utf8') === rendered;
  outcomes.push({
    check: `tools/deploy/rendered/${installation}.yaml`,
    fault: isCurrent ? '' : 'is not what Kustomize builds: run "npm run prove deploy write"',
  });
}
outcomes.push(meshOutcome());
outcomes.push({
  check: 'terraform fmt deploy/terraform',
  fault: run('terraform', 'fmt', '-check', '-diff', 'deploy/terraform').fault,
});

/** The servers have the annotations, and the pods of jobs have no proxy. */
function meshOutcome(): Outcome {
  const check = 'kubectl kustomize with components/mesh';
  const { output, fault } = run('kubectl', 'kustomize', 'tools/deploy/with-mesh');
  if (fault !== '') return { check, fault };
  const manifests = readManifests(output);
  const servers = podTemplates(manifests).filter(({ owner }) => owner.kind === 'Deployment');
  const jobs = podTemplates(manifests).filter(({ owner }) => owner.kind !== 'Deployment');
  const faults = [
    ...installationFaults(manifests),
    ...typeErrors(manifests),
    ...servers
      .filter(({ annotations }) => annotations['proxy.istio.io/config'] === undefined)
      .map(() => 'a server waits for no proxy'),
    ...jobs.filter(({ labels }) => labels['sidecar.istio.io/inject'] !== 'false').map(() => 'a job has a proxy'),
  ];
  return { check, fault: faults.join('; ') };
}

const rows = outcomes.map(({ check, fault }) => [check, fault === '' ? 'holds' : fault]);
for (const line of tableLines(['check', 'result'], rows)) console.log(line);
process.exitCode = outcomes.every(({ fault }) => fault === '') ? 0 : 1;
