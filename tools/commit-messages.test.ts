import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hook, rejectedCommits, rejectionOf } from './commit-messages.ts';
import { root } from './steps.ts';

const longest = `fix(login): ${'ä'.repeat(60)}`;

describe('the commit hook', () => {
  it.each([
    'fix(login): reject a second passkey of another user\n',
    'feat!: drop Node 22\n\nIts type stripping warns at every start.\n',
    'docs: explain the refresh grace period\n# Please enter the commit message\n',
    'refactor(platform/http): use the router of fastify\n',
    "Merge branch 'main' into topic\n",
    `${longest}\n`,
  ])('accepts %j', (message) => {
    expect(rejectionOf(message, root)).toBeUndefined();
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
    expect(rejectionOf(message, root)).toBe(reason);
  });
});

describe('the commits of a branch', () => {
  const repository = mkdtempSync(join(tmpdir(), 'latchkey-commits-'));
  const git = (...parameters: readonly string[]) => {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'core.hooksPath=/dev/null'];
    execFileSync('git', [...identity, ...parameters], { cwd: repository, stdio: 'ignore' });
  };
  const commit = (message: string) => git('commit', '--allow-empty', '-m', message);

  beforeAll(() => {
    git('init', '--initial-branch', 'main');
    commit('Before the hook');
    mkdirSync(join(repository, '.githooks'));
    cpSync(join(root, hook), join(repository, hook));
    git('add', '.');
    commit('build: add the hook');
    commit('On the main branch');
    git('checkout', '-b', 'topic');
    commit('fix: reject it');
    commit('Rejected by the hook');
  });
  afterAll(() => rmSync(repository, { recursive: true }));

  it('are checked, those of the main branch and before the hook are not', () => {
    expect(rejectedCommits(repository)).toEqual([
      expect.stringMatching(/^[0-9a-f]+: not a Conventional Commit: "Rejected by the hook"$/),
    ]);
  });

  it('are accepted in this repository', () => {
    expect(rejectedCommits(root)).toEqual([]);
  });
});
