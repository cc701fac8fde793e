import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseClientData } from './client-data.ts';

const valid = { type: 'webauthn.get', challenge: 'AAAA', origin: 'https://id.example.com', crossOrigin: false };
const parse = (text: string) => parseClientData(Buffer.from(text));
const parseMembers = (changed: Readonly<Record<string, unknown>>) => parse(JSON.stringify({ ...valid, ...changed }));

describe('parseClientData', () => {
  it('returns the verified members and the hash of the exact bytes', () => {
    const text = ` {"origin":"o", "challenge":"c","type":"t","crossOrigin":true,"topOrigin":"p"} `;
    const members = { type: 't', challenge: 'c', origin: 'o', crossOrigin: true, topOrigin: 'p' };
    expect(parse(text)).toEqual({ ...members, hash: hash('sha256', text, 'buffer') });
  });

  it('ignores further members, and takes a missing crossOrigin as false', () => {
    const { crossOrigin: _, ...without } = valid;
    const text = JSON.stringify({ ...without, other_keys_can_be_added_here: { a: [1] } });
    expect(parse(text)).toMatchObject({ crossOrigin: false, topOrigin: undefined });
  });

  it.each([
    ['no JSON', 'type=webauthn.get'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a text', '"webauthn.get"'],
    ['a byte order mark', `\ufeff${JSON.stringify(valid)}`],
    ['a duplicate member', '{"type":"a","challenge":"b","origin":"c","origin":"d"}'],
    ['a duplicate member that is escaped', '{"type":"a","challenge":"b","origin":"c","orig\\u0069n":"d"}'],
    ['text after the object', `${JSON.stringify(valid)}x`],
  ])('rejects %s', (_, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('rejects bytes that are not UTF-8', () => {
    const bytes = Buffer.from(JSON.stringify(valid));
    bytes[bytes.indexOf('id.example')] = 0xff;
    expect(parseClientData(bytes)).toBeUndefined();
  });

  it.each(['type', 'challenge', 'origin'])('rejects a missing %s, and one that is no text', (member) => {
    for (const value of [undefined, null, 1, ['webauthn.get']])
      expect(parseMembers({ [member]: value })).toBeUndefined();
  });

  it('rejects crossOrigin that is no boolean, and topOrigin that is no text', () => {
    for (const value of [null, 'false', 0]) expect(parseMembers({ crossOrigin: value })).toBeUndefined();
    for (const value of [null, false, 0]) expect(parseMembers({ topOrigin: value })).toBeUndefined();
  });
});
