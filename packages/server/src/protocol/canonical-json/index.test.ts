import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './index.ts';

/** An IEEE 754 double from its 16 hexadecimal digits, as RFC 8785 appendix B lists them. */
function double(hex: string): number {
  return Buffer.from(hex, 'hex').readDoubleBE();
}

describe('test vectors of RFC 8785', () => {
  it('serializes the example of §3.2.2 as §3.2.4 does', () => {
    const value: unknown = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalJson(value as never)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('sorts the members of §3.2.3 by UTF-16 code units', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const written = [...canonicalJson(value).matchAll(/:"([^"]*)"/g)].map((match) => match[1]);
    expect(written).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('serializes the double %s of appendix B as %s', (hex, text) => {
    expect(canonicalJson(double(hex))).toBe(text);
  });

  it.each(['7fffffffffffffff', '7ff0000000000000'])('rejects the double %s of appendix B', (hex) => {
    expect(() => canonicalJson(double(hex))).toThrow(TypeError);
  });
});

describe('values that JSON cannot represent', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  it.each([
    ['undefined', undefined],
    ['an undefined member', { a: undefined }],
    ['a hole', Object.assign([], { length: 1 })],
    ['a big integer', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol.iterator],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', Buffer.from('a')],
    ['a lone surrogate', '\ud83d'],
    ['a lone surrogate in a name', { '\ude00': 1 }],
    ['a cycle', cycle],
  ])('rejects %s', (_name, value) => {
    expect(() => canonicalJson(value as never)).toThrow(TypeError);
  });
});

describe('nesting', () => {
  const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < depth; level += 1) value = wrap(value);
    return value;
  };

  it.each([
    ['arrays', (inner: unknown) => [inner]],
    ['objects', (inner: unknown) => ({ a: inner })],
  ])('is limited to 100 levels of %s', (_name, wrap) => {
    expect(canonicalJson(nested(100, wrap) as never)).toBe(JSON.stringify(nested(100, wrap)));
    expect(() => canonicalJson(nested(101, wrap) as never)).toThrow('canonical JSON is nested at most 100 deep');
  });
});

describe('an object without a prototype', () => {
  it('is serialized like any other', () => {
    expect(canonicalJson(Object.assign(Object.create(null) as object, { b: 1, a: [] }) as never)).toBe(
      '{"a":[],"b":1}',
    );
  });
});

describe('the error', () => {
  it.each([
    [() => 1, 'canonical JSON has no function'],
    [1n, 'canonical JSON has no bigint'],
    ['\ud83d', 'canonical JSON has no lone surrogates'],
    [Number.NaN, 'canonical JSON has no NaN'],
    [new Map(), 'canonical JSON has plain objects only'],
  ])('of %s names the kind of value', (value, message) => {
    expect(() => canonicalJson(value as never)).toThrow(new TypeError(message));
  });
});

describe('the canonical text', () => {
  const anyJson = fc.jsonValue({ maxDepth: 5 }).filter((value) => JSON.stringify(value).isWellFormed());

  it('parses to the value and is a fixed point of serialization', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = canonicalJson(value as never);
        const read: unknown = JSON.parse(text);
        expect(JSON.stringify(read)).toBe(JSON.stringify(JSON.parse(canonicalJson(read as never))));
        expect(canonicalJson(read as never)).toBe(text);
        expect(read).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the insertion order of members', () => {
    const members = fc.uniqueArray(fc.tuple(fc.string(), fc.integer()), { selector: ([name]) => name });
    fc.assert(
      fc.property(members, (entries) => {
        expect(canonicalJson(Object.fromEntries(entries))).toBe(
          canonicalJson(Object.fromEntries(entries.toReversed())),
        );
      }),
    );
  });
});
