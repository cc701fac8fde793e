import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../steps.ts';
import { copiedPaths, dockerfileFaults, readDockerfile } from './dockerfile-rules.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const dockerfile = read('deploy/Dockerfile');

/** The Dockerfile with one text replaced. */
function planted(old: string | RegExp, replacement: string): string[] {
  const faulty = dockerfile.replace(old, replacement);
  expect(faulty).not.toBe(dockerfile);
  return dockerfileFaults(readDockerfile(faulty));
}

describe('the Dockerfile', () => {
  it('breaks no rule', () => {
    expect(dockerfileFaults(readDockerfile(dockerfile))).toEqual([]);
  });

  it('copies files that exist and that .dockerignore lets pass', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const paths = copiedPaths(readDockerfile(dockerfile));
    expect(paths.length).toBeGreaterThan(8);
    expect(paths.filter((path) => !allowed.includes(path))).toEqual([]);
    expect(paths.filter((path) => statSync(join(root, path), { throwIfNoEntry: false }) === undefined)).toEqual([]);
    expect(allowed.filter((path) => !paths.includes(path))).toEqual([]);
  });

  it.each([
    ['an unknown instruction', /^EXPOSE/m, 'EXPOSED', 'EXPOSED is no instruction that this file may have'],
    ['a base without digest', /(BUILD_BASE=node:[\w.-]+)@\S+/, '$1', 'the base BUILD_BASE is not pinned by its digest'],
    ['a base that cannot be replaced', /FROM \$\{RUN_BASE\}/, 'FROM debian:12', 'the base debian:12 is no argument'],
    ['root', /^USER 65532:65532\nEXPOSE/m, 'EXPOSE', 'the image does not run as its user, by number'],
    ['no health check', /^HEALTHCHECK.*\n/m, '', 'there is no health check that works without a shell'],
    [
      'a health check with a shell',
      /CMD \["\/usr\/local\/bin\/node", "\/app\/bin\/health.cjs"\]/,
      'CMD curl',
      'there is no health check that works without a shell',
    ],
    ['an entry point with a shell', /^ENTRYPOINT.*$/m, 'ENTRYPOINT node', 'the entry point needs a shell'],
    [
      'a secret',
      'WORKDIR /app\nUSER',
      'ENV LATCHKEY_KEK=x\nWORKDIR /app\nUSER',
      'ENV LATCHKEY_KEK=x may hold a secret',
    ],
    ['an open debugger', '"--disable-sigusr1", ', '', 'SIGUSR1 opens the debugger'],
    ['another mode', 'NODE_ENV=production', 'NODE_ENV=test', 'the mode is not production'],
    ['another port', 'EXPOSE 5625', 'EXPOSE 3000', 'the ports are not those of the defaults'],
    [
      'a command at the end',
      /^CMD \["serve"\]/m,
      'RUN ["node"]\nCMD ["serve"]',
      'a command runs in the final stage, which has no shell',
    ],
  ])('with %s is refused', (_, old, replacement, sentence) => {
    expect(planted(old, replacement)).toContain(sentence);
  });
});
