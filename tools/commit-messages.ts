/**
 * Checks the commits of this branch by the commit hook, for clones that have not enabled it. Commits on the main branch and
 * those before the last change of the hook are not checked.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hook = '.githooks/commit-msg';

/** The reason for which the hook rejects a message, or undefined. */
export function rejectionOf(message: string, repository: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-commit-message-'));
  try {
    // As git does: the hook gets the name of the file that holds the message.
    const messageFile = join(directory, 'COMMIT_EDITMSG');
    writeFileSync(messageFile, message);
    const { status, stderr } = spawnSync('sh', [join(repository, hook), messageFile], { encoding: 'utf8' });
    return status === 0 ? undefined : (stderr.split('\n')[0] ?? '');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A sentence for each commit of the branch that the hook rejects. An exported tree without a history has none. */
export function rejectedCommits(repository: string): string[] {
  return commitsOf(repository).flatMap((commit) => {
    const [id, ...message] = commit.trimStart().split('\n');
    const reason = rejectionOf(message.join('\n'), repository);
    return reason === undefined ? [] : [`${id}: ${reason}`];
  });
}

function commitsOf(repository: string): string[] {
  const git = (parameters: readonly string[]) =>
    spawnSync('git', [...parameters], { cwd: repository, encoding: 'utf8' }).stdout ?? '';
  const base = git(['log', '-1', '--format=%H', '--', hook]).trim();
  if (base === '') return [];
  const mains = ['main', 'origin/main'].filter((name) => git(['rev-parse', '--verify', '--quiet', name]) !== '');
  const range = [`${base}..HEAD`, ...(mains.length === 0 ? [] : ['--not', ...mains])];
  return git(['log', '-100', '--no-merges', '--format=%h%n%B%x00', ...range])
    .split('\0')
    .filter((commit) => commit.trim() !== '');
}
