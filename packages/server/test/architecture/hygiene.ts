import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text file of the repository. */
export type TextFile = { readonly path: string; readonly text: string };

type HygieneRule = {
  readonly applies: (path: string) => boolean;
  readonly pattern: RegExp;
  readonly sentence: string;
};

const binary = /\.(?:png|jpe?g|ico|gif|webp|woff2?|zst|gz|br|pdf|wasm)$/;

const machineDirectories = ['work', 'root', 'tmp'];

const rules: readonly HygieneRule[] = [
  {
    applies: (path) => path.endsWith('package-lock.json'),
    pattern: /"resolved": "https?:/,
    sentence: 'the lockfile names a registry; set omit-lockfile-registry-resolved',
  },
  {
    applies: () => true,
    // Not after a letter, digit or +, because the lockfile's hashes are base64.
    pattern: new RegExp(`(?<![\\w+/.-])/(?:${machineDirectories.join('|')})/`),
    sentence: 'a path of one machine',
  },
  {
    applies: () => true,
    pattern: /\bregistry\.(?:npmjs|yarnpkg)\.(?:org|com)\b/,
    sentence: 'an address of a package registry',
  },
  {
    applies: (path) => path.endsWith('.test.ts'),
    pattern: /\b(?:it|test|describe)(?:\.\w+)*\.(?:only|skip|skipIf|runIf|todo|fails)\b/,
    sentence: 'a test that skips tests',
  },
];

/** All files that are committed or not ignored, from the root of the repository. */
export function listFiles(root: string): string[] {
  const parameters = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const listed = execFileSync('git', parameters, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
}

export function isText(path: string): boolean {
  return !binary.test(path);
}

export function readText(root: string, path: string): TextFile {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** One sentence for each text that does not belong in the repository. */
export function checkHygiene(file: TextFile): string[] {
  return rules
    .filter((rule) => rule.applies(file.path))
    .flatMap((rule) => {
      const at = file.text.search(rule.pattern);
      if (at < 0) return [];
      return [`${file.path}:${file.text.slice(0, at).split('\n').length}: ${rule.sentence}`];
    });
}
