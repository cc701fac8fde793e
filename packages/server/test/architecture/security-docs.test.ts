import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settings } from '#config/schema.ts';
import { listFiles, readText } from './hygiene.ts';
import { checkPage, type Existing, readCommands, rowsOf } from './pages.ts';

const root = resolve(import.meta.dirname, '../../../..');
const files = listFiles(root);
const read = (path: string) => readText(root, path).text;
const pages = files
  .filter((path) => /^docs\/(?:security|runbooks)\/[^/]+\.md$/.test(path))
  .map((path) => readText(root, path));
const isCode = /^packages\/server\/(?:src|migrations)\/.*(?<!\.test)\.(?:ts|sql)$/;

const existing: Existing = {
  files: new Set(files),
  read,
  commands: readCommands(read('docs/reference/commands.md')),
  settings: new Set(settings.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]))),
  code: files
    .filter((path) => isCode.test(path))
    .map(read)
    .join('\n'),
};

/** The ids of OWASP ASVS 5.0.0, copied by hand: 70 of level 1, and the 183 that level 2 adds. Ranges are of the last number. */
const levelOne = `1.2.1-5 1.3.1-2 1.5.1 2.1.1 2.2.1-2 2.3.1 3.2.1-2 3.3.1 3.4.1-2 3.5.1-3 4.1.1 4.4.1 5.2.1-2 5.3.1-2 6.1.1
  6.2.1-8 6.3.1-2 6.4.1-2 7.2.1-4 7.4.1-2 8.1.1 8.2.1-2 8.3.1 9.1.1-3 9.2.1 10.4.1-5 11.3.1-2 11.4.1 12.1.1 12.2.1-2
  13.4.1 14.2.1 14.3.1 15.1.1 15.2.1 15.3.1`;
const levelTwo = `1.1.1-2 1.2.6-9 1.3.3-11 1.4.1-3 1.5.2 2.1.2-3 2.2.3 2.3.2-4 2.4.1 3.3.2-4 3.4.3-6 3.5.4-5 3.7.1-2 4.1.2-3
  4.2.1 4.3.1-2 4.4.2-4 5.1.1 5.2.3 5.4.1-3 6.1.2-3 6.2.9-12 6.3.3-4 6.4.3-4 6.5.1-5 6.6.1-3 6.8.1-4 7.1.1-3 7.3.1-2
  7.4.3-5 7.5.1-2 7.6.1-2 8.1.2 8.2.3 8.4.1 9.2.2-4 10.1.1-2 10.2.1-2 10.3.1-4 10.4.6-11 10.5.1-5 10.6.1-2 10.7.1-3
  11.1.1-2 11.2.1-3 11.3.3 11.4.2-4 11.5.1 11.6.1 12.1.2-3 12.3.1-4 13.1.1 13.2.1-5 13.3.1-2 13.4.2-5 14.1.1-2
  14.2.2-4 14.3.2-3 15.1.2-3 15.2.2-3 15.3.2-7 16.1.1 16.2.1-5 16.3.1-4 16.4.1-3 16.5.1-3 17.1.1 17.2.1-4 17.3.1-2`;

const states = ['holds', 'partly', 'not met yet', 'yours', 'does not apply'];
const isIds = (cell: string) => /^\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*$/.test(cell);

describe('the security pages', () => {
  it('exist', () => {
    const names = ['README', 'threat-model', 'sessions', 'limits', 'playbooks', 'asvs', 'asvs-level-2'];
    expect(pages.map(({ path }) => path)).toEqual(
      expect.arrayContaining(names.map((name) => `docs/security/${name}.md`)),
    );
  });

  it('name only files, headings, commands, options, settings, metrics, tables, problems, events and log lines that exist', () => {
    expect(pages.flatMap((page) => checkPage(page, existing))).toEqual([]);
  });

  it.each([
    ['`test/no-such.test.ts`', 'no file test/no-such.test.ts'],
    ['[there](no-such.md)', 'no file docs/security/no-such.md'],
    ['[there](README.md#no-such)', 'no heading #no-such in docs/security/README.md'],
    ['`LATCHKEY_NO_SUCH`', 'no setting LATCHKEY_NO_SUCH'],
    ['`latchkey user forget`', 'no command "user forget"'],
    ['```sh\nnode bin/latchkey.cjs keys list --all\n```', '"keys list" takes no --all'],
    ['`login.no_such`', 'nothing is called login.no_such'],
    ['`no_such_total`', 'nothing is called no_such_total'],
    ['`"no such line"`', 'no message is "no such line"'],
  ])('are rejected for %j', (text, finding) => {
    const path = 'docs/security/x.md';
    expect(checkPage({ path, text }, existing)).toEqual([`${path}: ${finding}`]);
  });
});

describe.each([
  { page: 'docs/security/asvs.md', ids: levelOne, count: 70 },
  { page: 'docs/security/asvs-level-2.md', ids: levelTwo, count: 183 },
])('$page', ({ page, ids, count }) => {
  it('has every requirement of its level exactly once', () => {
    const expected = expand(ids);
    expect(expected).toHaveLength(count);
    const found = rowsOf(read(page), isIds).flatMap(([first = '']) => first.split(', '));
    expect(found.toSorted()).toEqual(expected.toSorted());
  });

  it('states for each requirement whether it is met, and where', () => {
    const rows = rowsOf(read(page), isIds).filter((cells) => cells.length > 2);
    const incomplete = rows.filter(([, , state = '', where = '']) => !states.includes(state) || where === '');
    expect(incomplete).toEqual([]);
  });
});

it('level 1 names a test or a page for each requirement that is met', () => {
  const holding = rowsOf(read('docs/security/asvs.md'), isIds).filter(([, , state]) => state === 'holds');
  expect(holding.filter(([, , , where = '']) => !/\.test\.ts`|\.md\)/.test(where))).toEqual([]);
});

function expand(ids: string): string[] {
  return ids.split(/\s+/).flatMap((range) => {
    const [, prefix = '', first, last = first] = /^(\d+\.\d+\.)(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => `${prefix}${Number(first) + index}`);
  });
}
