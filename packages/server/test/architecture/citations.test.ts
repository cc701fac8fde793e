import { describe, expect, it } from 'vitest';
import { type Citable, checkCitations } from './citations.ts';

const texts: Readonly<Record<string, string>> = {
  'ARCHITECTURE.md': '# Architecture\n\n## Lanes\n',
  'docs/adr/0009-revocation-feed-by-polling.md': '# 0009\n',
  'docs/security/sessions.md': '# Sessions\n\n## How soon\n',
  'packages/server/src/domain/users/index.ts': '',
  'packages/server/src/kernel/clock.ts': '',
  'packages/server/test/support/wait.ts': '',
};

const citable: Citable = {
  files: new Set(Object.keys(texts)),
  read: (path) => texts[path] ?? '',
  invariants: 25,
};

/** The sentences about one comment of a module, without its place. */
function check(text: string): string[] {
  const path = 'packages/server/src/domain/users/users.ts';
  return checkCitations([{ path, line: 1, text }], citable).map((sentence) => sentence.replace(`${path}:1: `, ''));
}

describe('a citation', () => {
  it.each([
    'Revocations are polled (ADR 0009, invariant 17).',
    'Invariants 3, 4 and 25 hold.',
    'See ARCHITECTURE.md#lanes.',
    'See docs/security/sessions.md#how-soon and docs/adr/0009-revocation-feed-by-polling.md.',
    'Time comes from `kernel/clock.ts`; `domain/users` owns the table; `support/wait.ts` waits; ./index.ts exports.',
    'RFC 9700 §4.14.2 requires rotation, and §2 does not.',
    'The pages `/docs/problems` and https://example.com/docs/none.md are elsewhere.',
  ])('is accepted: %s', (text) => {
    expect(check(text)).toEqual([]);
  });

  it.each([
    ['ADRs 0009 and 0099', 'there is no ADR 0099'],
    ['ADR 9', 'there is no ADR 9'],
    ['invariant 26', 'there is no invariant 26'],
    ['invariants 3 and 0', 'there is no invariant 0'],
    ['ARCHITECTURE.md#doors', 'ARCHITECTURE.md has no #doors'],
    ['ARCHITECTURE.md', 'cite a heading, as in ARCHITECTURE.md#lanes'],
    ['docs/security/doors.md', 'there is no file docs/security/doors.md'],
    ['docs/security/sessions.md#never', 'docs/security/sessions.md has no heading #never'],
    ['`domain/logins` owns it', 'there is no module domain/logins'],
    ['as `domain/users/row.ts` does', 'there is no file domain/users/row.ts'],
    ['§4.14.2 requires rotation', '§4.14.2 of which specification?'],
    [`as ${'DESIGN'} explains`, '"DESIGN" is no document of this repository'],
    [`as ${'REQUIREMENTS'} B1 demands`, '"REQUIREMENTS" is no document of this repository'],
    [`the product's ${'requirements'} B1`, '"requirements B1" is no document of this repository'],
    [`see ${'S'}2`, '"S2" is no document of this repository'],
    [`see ${'faults'}.md`, '"faults.md" is no document of this repository'],
  ])('is rejected: %s', (text, sentence) => {
    expect(check(text)).toEqual([sentence]);
  });

  it('is reported with the line of the text that holds it', () => {
    expect(checkCitations([{ path: 'a.md', line: 4, text: 'one\ntwo ADR 1234' }], citable)).toEqual([
      'a.md:5: there is no ADR 1234',
    ]);
  });
});
