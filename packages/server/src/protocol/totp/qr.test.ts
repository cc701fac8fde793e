import { encode } from 'uqr';
import { describe, expect, it } from 'vitest';
import { qrSvg, totpUri } from './index.ts';

const uri = totpUri({
  issuer: 'Acme <script>alert(1)</script>',
  account: 'ada@example.com',
  secret: Buffer.alloc(20, 0xa5),
});

/** Paints the rectangles of the second path into a matrix of modules. */
function modulesOf(svg: string): boolean[][] {
  const size = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1]);
  const matrix = Array.from({ length: size }, () => Array<boolean>(size).fill(false));
  const path = /<path d="([^"]*)"\/>/.exec(svg)?.[1] ?? '';
  const rectangles = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1H\1z/g)];
  expect(rectangles.map(([text]) => text).join('')).toBe(path);
  for (const [, x, y, width] of rectangles) matrix[Number(y)]?.fill(true, Number(x), Number(x) + Number(width));
  return matrix;
}

describe('qrSvg', () => {
  it('draws every module of the code, with a quiet zone of four modules', () => {
    const { data } = encode(uri, { ecc: 'M', border: 4 });
    const drawn = modulesOf(qrSvg(uri));
    expect(drawn).toEqual(data);
    expect(drawn.slice(0, 4).flat().includes(true)).toBe(false);
    expect(drawn[4]?.slice(0, 12)).toEqual([...Array<boolean>(4).fill(false), ...Array<boolean>(7).fill(true), false]);
  });

  it('has only paths: no style, no script, no text of the user', () => {
    const svg = qrSvg(uri);
    expect([...svg.matchAll(/<([a-z]+)/g)].map(([, name]) => name)).toEqual(['svg', 'path', 'path']);
    expect([...svg.matchAll(/ ([\w-]+)=/g)].map(([, name]) => name)).toEqual([
      'xmlns',
      'viewBox',
      'shape-rendering',
      'fill',
      'd',
      'd',
    ]);
    expect(svg).not.toMatch(/style|script|ada|otpauth/);
  });

  it('rejects a text that no code can hold', () => {
    expect(() => qrSvg('x'.repeat(2332))).toThrow();
    expect(qrSvg('x'.repeat(2331))).toMatch(/^<svg /);
  });
});
