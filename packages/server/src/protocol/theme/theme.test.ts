import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contrast, fromOklch, toOklch } from './color.ts';
import { changesOf, colorsOf, defaultTheme, parseAccent, type Scheme, type Theme, themeCss } from './theme.ts';

type Name = keyof ReturnType<typeof colorsOf>;

/** Foreground, background, and the contrast that they must have: 4.5 for text, 3 for edges and focus, 7 for long text. */
const pairs: readonly (readonly [Name, Name, number])[] = [
  ...(['paper', 'ground', 'sunken'] as const).flatMap((ground) => [
    ['ink', ground, 7] as const,
    ['soft', ground, 4.5] as const,
    ['link', ground, 4.5] as const,
  ]),
  ['link', 'accent-soft', 4.5],
  ['ink', 'accent-soft', 7],
  ['accent-ink', 'accent', 4.5],
  ['accent-ink', 'accent-hover', 4.5],
  ['danger-ink', 'danger', 4.5],
  ['edge', 'paper', 3],
  ['ring', 'paper', 3],
  ['ring', 'ground', 3],
  ['accent-line', 'paper', 3],
  ...(['wrong', 'good', 'warn'] as const).flatMap((state) => [
    [state, 'paper', 4.5] as const,
    [state, `${state}-soft`, 4.5] as const,
    ['ink', `${state}-soft`, 7] as const,
  ]),
];

function unreadable(accent: string): string[] {
  return (['light', 'dark'] satisfies Scheme[]).flatMap((scheme) => {
    const colors = colorsOf(scheme, accent);
    return pairs
      .filter(([front, back, ratio]) => contrast(colors[front], colors[back]) < ratio)
      .map(([front, back]) => `${scheme}: ${front} on ${back} (${contrast(colors[front], colors[back]).toFixed(2)})`);
  });
}

const anyColor = fc.integer({ min: 0, max: 0xff_ff_ff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);

describe('contrast', () => {
  it('is 21 for black on white and 1 for a color on itself', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#0f766e', '#0f766e')).toBe(1);
  });

  it('is that of the examples of WCAG: #777 on white falls short of 4.5, #767676 does not', () => {
    expect(contrast('#777777', '#ffffff')).toBeLessThan(4.5);
    expect(contrast('#767676', '#ffffff')).toBeGreaterThanOrEqual(4.5);
  });
});

describe('OKLCH', () => {
  it('has the values of CSS Color 4 for red', () => {
    const { lightness, chroma, hue } = toOklch('#ff0000');
    expect([lightness, chroma, (hue * 180) / Math.PI].map((value) => Number(value.toFixed(3)))).toEqual([
      0.628, 0.258, 29.234,
    ]);
  });

  it('returns any color to itself', () => {
    fc.assert(fc.property(anyColor, (color) => fromOklch(toOklch(color)) === color));
  });
});

describe('the theme', () => {
  it('is readable with any accent', () => {
    fc.assert(
      fc.property(anyColor, (accent) => unreadable(accent).length === 0),
      { numRuns: 500 },
    );
  });

  it.each(['#000000', '#ffffff', '#808080', '#ffff00', '#00ff00', '#0000ff', '#ff00ff', defaultTheme.accent])(
    'is readable with %s',
    (accent) => expect(unreadable(accent)).toEqual([]),
  );

  it('keeps a color on which text is readable', () => {
    expect(colorsOf('light', defaultTheme.accent).accent).toBe(defaultTheme.accent);
    expect(colorsOf('light', '#ffcc00').accent).toBe('#ffcc00');
  });

  it('turns a black brand around in the dark', () => {
    expect(colorsOf('dark', '#000000').accent).toBe('#eef0f3');
  });

  it('declares the same colors for both schemes', () => {
    const [light = '', dark = ''] = themeCss(defaultTheme)
      .replace(/--radius:[^;]*;/, '')
      .split('@media');
    const names = (css: string) => css.match(/--[\w-]+(?=:)/g);
    expect(names(light)).toEqual(names(dark));
  });

  const anyTheme: fc.Arbitrary<Theme> = fc.record({
    accent: anyColor,
    radius: fc.integer({ min: 0, max: 20 }),
    scheme: fc.constantFrom('auto', 'light', 'dark'),
  });

  it('of any choice is one declaration for each scheme that it has, with colors and its radius alone', () => {
    fc.assert(
      fc.property(anyTheme, (theme) => {
        const css = themeCss(theme);
        const declaration = /(?:--[\w-]+:#[0-9a-f]{6};?)+/g;
        expect(css.replaceAll(declaration, '*')).toBe(
          theme.scheme === 'auto'
            ? `:root{color-scheme:light dark;--radius:${theme.radius}px;*}\n@media (prefers-color-scheme:dark){:root{*}}\n`
            : `:root{color-scheme:${theme.scheme};--radius:${theme.radius}px;*}\n`,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('names the colors that differ from the accent', () => {
    expect(changesOf({ ...defaultTheme, accent: '#ffcc00', scheme: 'light' })).toEqual([
      `#ffcc00 in the light scheme: links are ${colorsOf('light', '#ffcc00').link}.`,
    ]);
    expect(changesOf({ ...defaultTheme, scheme: 'light' })).toEqual([]);
    fc.assert(
      fc.property(anyTheme, (theme) => {
        const colors = (['light', 'dark'] satisfies Scheme[])
          .filter((scheme) => theme.scheme === 'auto' || theme.scheme === scheme)
          .flatMap((scheme) => [colorsOf(scheme, theme.accent).link, colorsOf(scheme, theme.accent).accent]);
        expect(changesOf(theme).length === 0).toBe(colors.every((color) => color === theme.accent));
      }),
      { numRuns: 100 },
    );
  });
});

it.each([
  ['#0F766e', '#0f766e'],
  ['#000000', '#000000'],
])('reads the accent %s', (text, value) => expect(parseAccent(text)).toEqual({ kind: 'ok', value }));

it.each(['', '0f766e', '#fff', '#0f766e;', '#0f766eff', 'teal', 'rgb(0,0,0)', '#0f766g'])(
  'refuses the accent %j',
  (text) => {
    expect(parseAccent(text).kind).toBe('invalid');
  },
);
