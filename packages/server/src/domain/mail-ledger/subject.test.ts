import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Brand, type Catalogues, readCatalogues } from '#platform/i18n/index.ts';
import { composeMail } from './compose.ts';
import { mailExamples } from './examples.ts';
import { subjectWith } from './subject.ts';
import { isMailTemplate, mailTemplates } from './templates.ts';

const templates = Object.keys(mailTemplates).filter(isMailTemplate);
const { locales } = readCatalogues({ name: 'Acme', links: [] });

function subjectsFor(name: string): string[] {
  const brand: Brand = { name, links: [] };
  const catalogues: Catalogues = readCatalogues(brand);
  return templates.flatMap((template) =>
    locales.map((locale) => composeMail(template, { ...mailExamples(catalogues, template), locale }).subject),
  );
}

/** Without the marks that isolate a name of the other direction. */
const plain = (subject: string) => subject.replaceAll(/[\u2066-\u2069]/g, '');

const words = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 });
const names = fc.oneof(
  words.map((list) => list.join(' ').replaceAll(/\s+/g, ' ').trim().slice(0, 40)),
  fc.domain().map((domain) => domain.slice(0, 40)),
  fc.constantFrom(
    'Institute of Applied Cartography and Geodesy',
    'Landesbetrieb für Vermessung und Geoinformation',
    '測量'.repeat(20),
  ),
);

describe('the subject of every mail in every language', () => {
  it('has at most 60 characters, with the whole name or with words of its beginning', () => {
    fc.assert(
      fc.property(
        names.filter((name) => /[\p{L}\p{N}]/u.test(name) && name.isWellFormed()),
        (name) => {
          for (const subject of subjectsFor(name)) {
            expect(subject.length).toBeLessThanOrEqual(60);
            expect(subject.isWellFormed()).toBe(true);
            if (plain(subject).includes(name)) continue;
            const [before = ''] = plain(subject).split('…');
            const kept = longestEnd(before, name);
            expect(subject).toContain('…');
            // It ends with a word, unless the first word with a letter or a digit is too long.
            const isWhole = name[kept.length] === undefined || /[^\p{L}\p{M}\p{N}]/u.test(name.slice(kept.length));
            expect(isWhole || !/[\p{L}\p{M}\p{N}].*\s/su.test(kept)).toBe(true);
          }
        },
      ),
      { numRuns: 15, examples: [['↊ !יִ𐀀𐀀𐀀Ṍ𐀀À']] },
    );
  });
});

/** The longest beginning of the name with which the text ends. */
function longestEnd(text: string, name: string): string {
  for (let length = name.length; length > 0; length -= 1) {
    if (text.endsWith(name.slice(0, length))) return name.slice(0, length);
  }
  return '';
}

describe('a subject', () => {
  const say = (name: string) => `Confirm your new email for ${name}`;

  it.each([
    ['Acme', 'Confirm your new email for Acme'],
    ['Institute of Applied Cartography and Geodesy', 'Confirm your new email for Institute of Applied Cartography…'],
    ['Smith, Jones & Partners, Attorneys at Law', 'Confirm your new email for Smith, Jones & Partners…'],
    ['accounts.department.university.example.org', 'Confirm your new email for accounts.department.university.e…'],
    ['測'.repeat(40), `Confirm your new email for ${'測'.repeat(32)}…`],
  ])('with the name %s', (name, subject) => {
    expect(subjectWith(name, say)).toBe(subject);
    expect(subject.length).toBeLessThanOrEqual(60);
  });
});
