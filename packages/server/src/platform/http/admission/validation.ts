/** Validation by a schema; faults become field errors of a problem. */
import type { z } from 'zod';
import { type FieldError, Problem } from '#kernel/problem.ts';
import { plainWords, required } from './plain-words.ts';

const errorLimit = 32;

/**
 * The output of the schema; throws `validation_failed` with a JSON Pointer (RFC 6901) for each field.
 *
 * @param mayHoldAnyText false when no text in the value can be ill-formed, which saves the walk.
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown, mayHoldAnyText = true): z.output<S> {
  const unstorable = mayHoldAnyText ? findUnstorable(value, '') : undefined;
  if (unstorable !== undefined) throw new Problem('validation_failed', { errors: [unstorable] });
  const result = schema.safeParse(value, { error: plainWords });
  if (result.success) return result.data;
  throw new Problem('validation_failed', { errors: result.error.issues.flatMap(toFieldErrors).slice(0, errorLimit) });
}

function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

// PostgreSQL's text cannot hold U+0000, and a lone surrogate has no UTF-8 form: both are rejected here for every text.
function findUnstorable(value: unknown, path: string): FieldError | undefined {
  if (typeof value === 'string') {
    if (!value.includes('\u0000') && value.isWellFormed()) return undefined;
    return { path, code: 'invalid_characters', message: 'This text has characters that cannot be stored.' };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = findUnstorable(name, path) ?? findUnstorable(member, path + jsonPointer([name]));
    if (found !== undefined) return found;
  }
  return undefined;
}

type Issue = z.core.$ZodIssue;

function toFieldErrors(issue: Issue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: jsonPointer([...issue.path, key]),
      code: 'unknown_key',
      message: 'This field is not known here.',
    }));
  }
  return [{ path: jsonPointer(issue.path), code: codeOf(issue), message: issue.message }];
}

function codeOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message === required ? 'required' : 'invalid_type';
    case 'too_small':
      return hasLength(issue.origin) ? 'too_short' : 'too_small';
    case 'too_big':
      return hasLength(issue.origin) ? 'too_long' : 'too_big';
    case 'custom':
      return customCode(issue.params);
    case 'invalid_union':
      return 'invalid';
    default:
      return issue.code;
  }
}

function hasLength(origin: string): boolean {
  return origin === 'string' || origin === 'array';
}

// A schema's own check gives its code: `{ code: 'custom', params: { code: 'too_common' } }`.
function customCode(params: { readonly code?: unknown } | undefined): string {
  return typeof params?.code === 'string' ? params.code : 'invalid';
}
