import { describe, expect, it } from 'vitest';
import { AssertionFailed, assert, present } from './assert.ts';

describe('assert', () => {
  it('accepts every truthy value', () => {
    for (const truthy of [true, 1, 'a', {}, []]) expect(() => assert(truthy, 'it holds')).not.toThrow();
  });

  it('throws AssertionFailed with the message for every falsy value', () => {
    for (const falsy of [false, 0, '', null, undefined]) {
      expect(() => assert(falsy, 'it holds')).toThrow(new AssertionFailed('it holds'));
    }
    expect(new AssertionFailed('x').name).toBe('AssertionFailed');
  });
});

describe('present', () => {
  it('returns every value but null and undefined, falsy ones too', () => {
    for (const value of [0, '', false, Number.NaN, {}]) expect(present(value, 'the value')).toBe(value);
  });

  it('throws for null and undefined and names the missing value', () => {
    for (const value of [null, undefined]) expect(() => present(value, 'the row')).toThrow('the row is missing');
  });
});
