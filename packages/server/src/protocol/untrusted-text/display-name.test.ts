import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayName } from './display-name.ts';

describe('displayName', () => {
  it.each([
    'Ada',
    'Ada Lovelace',
    'J. R. Smith Jr.',
    "Siobhán O'Brien-Nic’Ghearailt",
    'Łukasz Żółć',
    '王小明',
    'Αθηνά Παπαδοπούλου',
    'محمد علي',
    'अनीता शर्मा',
    'Gal·la Placídia',
  ])('shows %s', (name) => {
    expect(displayName(name)).toBe(name);
  });

  it.each([
    '',
    ' ',
    'http://evil.example/reset',
    'evil.example',
    'Ada at evil.example',
    'Ada.Lovelace',
    'ada@example.org',
    'Call 0190 123456',
    'Ada\nYour account is closed',
    'Ada <b>Lovelace</b>',
    '"Ada" (admin)',
    'You have won a great prize today',
    'A'.repeat(41),
    'Ada\u202egro.live',
    'evil。example',
    'evil․example',
    'Ada\u200bLovelace',
  ])('greets %j without a name', (name) => {
    expect(displayName(name)).toBeNull();
  });

  it('never returns a text that a mail program would turn into a link, and is idempotent', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.domain(), fc.emailAddress(), fc.string({ unit: 'binary' })), (text) => {
        const name = displayName(text);
        return name === null || (!/[\d@/:<>]|[.。．․](?![ ]|$)/u.test(name) && displayName(name) === name);
      }),
    );
  });
});
