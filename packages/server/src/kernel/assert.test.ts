import { describe, expect, it } from 'vitest';
import { AssertionFailed, assert, present } from './assert.ts';

describe('assert', () => {
  it('lets pass what holds', () => {
    for (const held of [true, 1, 'a', {}, []]) expect(() => assert(held, 'it holds')).not.toThrow();
  });

  it('throws its own error with the message for what does not hold', () => {
    for (const broken of [false, 0, '', null, undefined]) {
      expect(() => assert(broken, 'it holds')).toThrow(new AssertionFailed('it holds'));
    }
    expect(new AssertionFailed('x').name).toBe('AssertionFailed');
  });
});

describe('present', () => {
  it('gives back what is there, whatever it is', () => {
    for (const value of [0, '', false, Number.NaN, {}]) expect(present(value, 'the value')).toBe(value);
  });

  it('throws and names what is missing', () => {
    for (const value of [null, undefined]) expect(() => present(value, 'the row')).toThrow('the row is missing');
  });
});
