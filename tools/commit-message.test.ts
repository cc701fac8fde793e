import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './steps.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-commit-message-'));
const messageFile = join(directory, 'COMMIT_EDITMSG');

/** Runs the hook as git does: with the name of the file that holds the message. */
function commit(message: string): { readonly accepted: boolean; readonly reason: string } {
  writeFileSync(messageFile, message);
  const { status, stderr } = spawnSync('sh', [join(root, '.githooks/commit-msg'), messageFile], { encoding: 'utf8' });
  return { accepted: status === 0, reason: stderr.split('\n')[0] ?? '' };
}

const longest = `fix(login): ${'x'.repeat(60)}`;

describe('the commit hook', () => {
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each([
    'fix(login): reject a second passkey of another user\n',
    'feat!: drop Node 22\n\nIts type stripping warns at every start.\n',
    'docs: explain the refresh grace period\n# Please enter the commit message\n',
    'refactor(platform/http): use the router of fastify\n',
    "Merge branch 'main' into topic\n",
    `${longest}\n`,
  ])('accepts %j', (message) => {
    expect(commit(message)).toEqual({ accepted: true, reason: '' });
  });

  it.each([
    ['Reject a second passkey\n', 'not a Conventional Commit: "Reject a second passkey"'],
    ['feature: a second passkey\n', 'not a Conventional Commit: "feature: a second passkey"'],
    ['fix(login): reject it.\n', 'not a Conventional Commit: "fix(login): reject it."'],
    [`${longest}x\n`, 'the subject has 73 characters; 72 are allowed'],
    ['fix(login): fixes the second passkey\n', 'the subject is not in the imperative ("add", not "added" or "adds")'],
    ['feat: Added passkeys of several users\n', 'the subject is not in the imperative ("add", not "added" or "adds")'],
    ['fix: reject it\nat once\n', 'the second line must be empty: it separates the subject from the body'],
    ['\n', 'not a Conventional Commit: ""'],
  ])('rejects %j', (message, reason) => {
    expect(commit(message)).toEqual({ accepted: false, reason });
  });
});
