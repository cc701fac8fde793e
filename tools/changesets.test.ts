import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './steps.ts';

const directory = join(root, '.changeset');
const packages = readdirSync(join(root, 'packages')).map((name) => readName(join(root, 'packages', name)));

/** The packages and bumps that a changeset names, and its text. */
const form = /^---\n((?:"[^"\n]+": (?:patch|minor|major)\n)+)---\n\n(\S[\s\S]*)$/;

function readName(packageDirectory: string): string {
  return (JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8')) as { name: string }).name;
}

/** A sentence for a changeset that `changeset version` would reject or that has no text. */
function checkChangeset(text: string): string | undefined {
  const [, header = '', body = ''] = form.exec(text) ?? [];
  if (body.trim() === '') return 'has no header of packages and bumps, or no text';
  const named = [...header.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
  const unknown = named.filter((name) => !packages.includes(name));
  return unknown.length === 0 ? undefined : `names ${unknown.join(', ')}, which is no package of the workspace`;
}

it('each changeset names packages of the workspace and says what changed', () => {
  const files = readdirSync(directory).filter((name) => name.endsWith('.md') && name !== 'README.md');
  const faults = files.map((name) => [name, checkChangeset(readFileSync(join(directory, name), 'utf8'))] as const);
  expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([]);
});

it.each([
  ['---\n"@latchkey/none": patch\n---\n\nText.\n', 'names @latchkey/none, which is no package of the workspace'],
  ['---\n"@latchkey/server": huge\n---\n\nText.\n', 'has no header of packages and bumps, or no text'],
  ['---\n"@latchkey/server": patch\n---\n\n', 'has no header of packages and bumps, or no text'],
])('rejects %j', (text, fault) => {
  expect(checkChangeset(text)).toBe(fault);
});
