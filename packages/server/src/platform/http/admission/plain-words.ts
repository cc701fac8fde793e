/** Messages of field errors, for people. A schema's own message takes precedence. */
import type { z } from 'zod';

/** The message of a missing field, by which `validation.ts` recognizes one: zod leaves the input out of its issues. */
export const required = 'This field is required.';

/** Zod's error map: the words for an issue without a message of its schema. */
export function plainWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? required : typeWords(issue.expected);
    case 'too_small':
      return sizeWords(issue.origin, 'least', Number(issue.minimum));
    case 'too_big':
      return sizeWords(issue.origin, 'most', Number(issue.maximum));
    case 'invalid_format':
      return formatWords[issue.format] ?? 'This does not have the required format.';
    case 'invalid_value':
      return `Use one of: ${issue.values.map(String).join(', ')}.`;
    case 'not_multiple_of':
      return `Send a multiple of ${issue.divisor}.`;
    default:
      return 'This is not valid.';
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

function typeWords(expected: string): string {
  return `Send ${typeNames[expected] ?? 'another type of value'}.`;
}

function sizeWords(origin: string, side: 'least' | 'most', count: number): string {
  if (origin === 'string') return `Use at ${side} ${counted(count, 'character')}.`;
  if (origin === 'array' || origin === 'set') return `Send at ${side} ${counted(count, 'item')}.`;
  return `Send at ${side} ${count}.`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const formatWords: Readonly<Record<string, string>> = {
  email: 'Enter an email such as name@example.com.',
  uuid: 'Send an id (a UUID).',
  datetime: 'Send a time such as 2026-01-02T03:04:05Z.',
  url: 'Send a URL such as https://example.com.',
};
