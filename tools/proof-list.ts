import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './steps.ts';

/** A long test that prints a table and exits with 1 when its claim does not hold. */
export type Proof = { readonly name: string; readonly path: string; readonly claim: string };

/** The files of tools/proofs and e2e/proofs that open with a claim, by name. */
export function listProofs(): Proof[] {
  const directories = ['tools/proofs', 'e2e/proofs'].map((directory) => join(root, directory)).filter(existsSync);
  const paths = directories.flatMap((directory) => readdirSync(directory).map((file) => join(directory, file)));
  return paths
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => ({ name: basename(path, '.ts'), path, claim: claimOf(readFileSync(path, 'utf8')) }))
    .filter((proof) => proof.claim !== '')
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The doc comment on the first line. A file without one is a part of a proof. */
function claimOf(text: string): string {
  return /^\/\*\* (.+) \*\/\n/.exec(text)?.[1] ?? '';
}

/** The list as a table in Markdown. */
export function proofTable(): string {
  const rows = listProofs().map(({ name, claim }) => `| \`npm run prove ${name}\` | ${claim} |`);
  return ['| proof | what it shows |', '|---|---|', ...rows].join('\n').concat('\n');
}
