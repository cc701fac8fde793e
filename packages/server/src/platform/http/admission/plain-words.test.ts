import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Problem } from '#kernel/problem.ts';
import { validate } from './validation.ts';

function errorsOf(schema: z.ZodType, value: unknown) {
  try {
    validate(schema, value);
  } catch (error) {
    return (error as Problem).errors;
  }
  return expect.unreachable('the value is valid');
}

describe('the message of a field error', () => {
  it.each([
    [z.string(), undefined, 'required', 'This field is required.'],
    [z.string(), null, 'invalid_type', 'Send a text.'],
    [z.int(), 1.5, 'invalid_type', 'Send a whole number.'],
    [z.boolean(), 'true', 'invalid_type', 'Send true or false.'],
    [z.date(), 'x', 'invalid_type', 'Send another type of value.'],
    [z.string().min(1), '', 'too_short', 'Use at least 1 character.'],
    [z.string().max(200), 'x'.repeat(201), 'too_long', 'Use at most 200 characters.'],
    [z.array(z.string()).max(1), ['a', 'b'], 'too_long', 'Send at most 1 item.'],
    [z.int().max(5), 6, 'too_big', 'Send at most 5.'],
    [z.enum(['cookie', 'token']), 'x', 'invalid_value', 'Use one of: cookie, token.'],
    [z.uuid(), 'x', 'invalid_format', 'Send an id (a UUID).'],
    [z.string().regex(/^a$/), 'x', 'invalid_format', 'This does not have the required format.'],
    [z.number().multipleOf(5), 6, 'not_multiple_of', 'Send a multiple of 5.'],
    [z.union([z.literal('a'), z.int()]), 'x', 'invalid', 'This is not valid.'],
    [z.string().regex(/^a$/, 'Write an a.'), 'x', 'invalid_format', 'Write an a.'],
    [z.string().refine(() => false, 'Never.'), 'x', 'invalid', 'Never.'],
  ])('of %# is in plain words', (schema, value, code, message) => {
    expect(errorsOf(schema, value)).toEqual([{ path: '', code, message }]);
  });

  it('of a missing member has its path', () => {
    expect(errorsOf(z.strictObject({ a: z.string() }), {})).toEqual([
      { path: '/a', code: 'required', message: 'This field is required.' },
    ]);
  });
});
