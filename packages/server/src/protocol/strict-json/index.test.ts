import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from './index.ts';

function outcomeOf(text: string, maxDepth?: number): string {
  const result = parseStrictJson(text, maxDepth === undefined ? undefined : { maxDepth });
  return result.kind === 'ok' ? 'ok' : `${result.reason} at ${result.offset}`;
}

/** The result of JSON.parse, or undefined when it throws. */
function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

describe('accepted texts', () => {
  it.each([
    '{}',
    '[]',
    ' \t\r\n{ "a" : [ 1 , -0.5e+10 , true , false , null , "" ] } \n',
    '"a"',
    '0',
    '-1E5',
    String.raw`"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`,
    '{"a":{"a":{"a":1}},"b":{"a":2}}',
    '[{"a":1},{"a":2}]',
    '{"constructor":1,"prototype":2,"":3}',
    '{"a":1,"A":2}',
  ])('%s', (text) => {
    expect(parseStrictJson(text)).toEqual({ kind: 'ok', value: JSON.parse(text) });
  });
});

describe('rejected texts', () => {
  it.each([
    ['', 'syntax at 0'],
    ['  ', 'syntax at 2'],
    ['\ufeff{}', 'syntax at 0'],
    ['\u00a0{}', 'syntax at 0'],
    ['{', 'syntax at 1'],
    ['{"a"', 'syntax at 4'],
    ['{"a":', 'syntax at 5'],
    ['{"a":1', 'syntax at 6'],
    ['{"a":1,', 'syntax at 7'],
    ['{"a":1,}', 'syntax at 7'],
    ['{,}', 'syntax at 1'],
    ['{a:1}', 'syntax at 1'],
    ["{'a':1}", 'syntax at 1'],
    ['{"a" 1}', 'syntax at 5'],
    ['{"a":1]', 'syntax at 6'],
    ['[1,]', 'syntax at 3'],
    ['[,1]', 'syntax at 1'],
    ['[1 2]', 'syntax at 3'],
    ['[1}', 'syntax at 2'],
    ['{} {}', 'syntax at 3'],
    ['1 2', 'syntax at 2'],
    ['01', 'syntax at 1'],
    ['1.', 'syntax at 1'],
    ['.5', 'syntax at 0'],
    ['+1', 'syntax at 0'],
    ['-', 'syntax at 0'],
    ['1e', 'syntax at 1'],
    ['NaN', 'syntax at 0'],
    ['tru', 'syntax at 0'],
    ['truer', 'syntax at 4'],
    ['"a', 'syntax at 2'],
    ['"a\nb"', 'syntax at 2'],
    ['"\u0000"', 'syntax at 1'],
    ['"\\', 'syntax at 1'],
    ['"\\x41"', 'syntax at 1'],
    ['"\\u12g4"', 'syntax at 1'],
    ['"\\u123', 'syntax at 1'],
    ['// comment\n1', 'syntax at 0'],
    // RFC 7493 §2.3: names are unique.
    ['{"a":1,"a":2}', 'duplicate_key at 7'],
    ['{"a":1,"\\u0061":2}', 'duplicate_key at 7'],
    ['{"\\/":1,"/":2}', 'duplicate_key at 8'],
    ['{"":1,"":2}', 'duplicate_key at 6'],
    ['[[{"x":{"b":1, "b" :2}}]]', 'duplicate_key at 15'],
    ['{"a":{"b":1},"c":[],"a":1}', 'duplicate_key at 20'],
    ['{"__proto__":1}', 'forbidden_key at 1'],
    ['{"\\u005f\\u005fproto\\u005F\\u005F":1}', 'forbidden_key at 1'],
    ['[{"a":{"__proto__":{}}}]', 'forbidden_key at 7'],
  ])('%j: %s', (text, outcome) => {
    expect(outcomeOf(text)).toBe(outcome);
  });

  it('reports the leftmost fault', () => {
    expect(outcomeOf('{"a":1,"a":2,')).toBe('duplicate_key at 7');
    expect(outcomeOf('{"a":1,,"a":2}')).toBe('syntax at 7');
  });
});

describe('nesting', () => {
  it('is limited to maxDepth, which is 32 by default', () => {
    expect(outcomeOf('['.repeat(32) + ']'.repeat(32))).toBe('ok');
    expect(outcomeOf('['.repeat(33) + ']'.repeat(33))).toBe('too_deep at 32');
    expect(outcomeOf('{"a":[]}', 2)).toBe('ok');
    expect(outcomeOf('{"a":[]}', 1)).toBe('too_deep at 5');
    expect(outcomeOf('1', 0)).toBe('ok');
  });

  it('counts open containers, not all containers', () => {
    expect(outcomeOf(`[${'[],'.repeat(1000)}{}]`, 2)).toBe('ok');
  });

  it.each(['[', '{"a":', '[{"a":'])('does not overflow the stack for a million times %s', (opening) => {
    expect(outcomeOf(opening.repeat(1_000_000))).toMatch(/^too_deep at /);
    expect(outcomeOf(opening.repeat(1_000_000), Number.POSITIVE_INFINITY)).toMatch(/^syntax at /);
  });
});

describe('agreement with JSON.parse', () => {
  const text = fc.json();
  const edited = fc
    .tuple(
      text,
      fc.nat(),
      fc.nat({ max: 3 }),
      fc.constantFrom('', '"', '\\', ',', ':', '[', ']', '{', '}', '0', 'e', ' '),
    )
    .map(([json, index, removed, added]) => {
      const at = index % (json.length + 1);
      return json.slice(0, at) + added + json.slice(at + removed);
    });
  const tokens = fc
    .array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '"\\u0061"', '1', '-', 'null', ' '), {
      maxLength: 12,
    })
    .map((parts) => parts.join(''));

  it('rejects what JSON.parse rejects, and otherwise only duplicate keys, forbidden keys and depth', () => {
    fc.assert(
      fc.property(fc.oneof(text, edited, tokens, fc.string()), (input) => {
        const expected = parsed(input);
        const result = parseStrictJson(input);
        if (expected === undefined) {
          expect(result.kind).toBe('invalid');
        } else if (result.kind === 'ok') {
          expect(result.value).toEqual(expected.value);
        } else {
          expect(result.reason).not.toBe('syntax');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('rejects an object exactly when two of its names are equal after unescaping', () => {
    const name = fc
      .tuple(fc.constantFrom('a', 'b', 'é', '"', '/', 'constructor'), fc.boolean())
      .map(([plain, escaped]) => ({
        plain,
        encoded: escaped
          ? `"${plain
              .split('')
              .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
              .join('')}"`
          : JSON.stringify(plain),
      }));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), (names) => {
        const json = `{${names.map(({ encoded }, index) => `${encoded}:${index}`).join(',')}}`;
        const isUnique = new Set(names.map(({ plain }) => plain)).size === names.length;
        expect(outcomeOf(json).startsWith(isUnique ? 'ok' : 'duplicate_key')).toBe(true);
      }),
    );
  });
});
