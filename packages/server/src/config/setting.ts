/** Declares settings: each is a zod schema for the value, with the facts for messages and the reference page. */
import { z } from 'zod';
import { isLine } from './values.ts';

export interface SettingFacts {
  /** The environment variable. A secret can also come from the file that `…_FILE` names. */
  readonly env: string;
  readonly secret: boolean;
  /** Completes the sentence "NAME must be …". */
  readonly expected: string;
  /** The default as text for the reference page; empty when there is none. */
  readonly fallback: string;
  readonly doc: string;
  /** Converts an environment variable's text; returns malformed text unchanged, so that the schema rejects it. */
  readonly decode: (text: string) => unknown;
  /** A further sentence for a wrong value that has a known cause, without its period. */
  readonly hint: (value: unknown) => string | undefined;
}

/** Maps each leaf of the schema to its facts. */
export const settingFacts = z.registry<SettingFacts>();

type Declaration = Pick<SettingFacts, 'env' | 'doc'> & Partial<SettingFacts>;

function declare<Schema extends z.ZodType>(schema: Schema, facts: Declaration & { readonly expected: string }): Schema {
  const complete = { secret: false, fallback: '', decode: (text: string) => text, hint: () => undefined, ...facts };
  settingFacts.add(schema, complete);
  return schema;
}

/** Optional text that satisfies `is`. */
export function text(facts: Declaration & { readonly expected: string }, is: (text: string) => boolean = isLine) {
  return declare(z.string().refine(is).optional(), facts);
}

/** Text that satisfies `is`, with a default. */
export function required(
  fallback: string,
  facts: Declaration & { readonly expected: string },
  is: (text: string) => boolean,
) {
  return declare(z.string().refine(is).default(fallback), { fallback, ...facts });
}

/** Optional text that is never printed and can come from a file. */
export function secret(facts: Declaration & { readonly expected: string }, is: (text: string) => boolean) {
  return text({ ...facts, secret: true }, is);
}

/** A whole number in a range. */
export function integer(min: number, max: number, fallback: number, facts: Declaration) {
  return declare(z.int().min(min).max(max).default(fallback), {
    ...wholeNumber(min, max),
    fallback: String(fallback),
    ...facts,
  });
}

/** A whole number in a range, without a fixed default. */
export function optionalInteger(min: number, max: number, facts: Declaration) {
  return declare(z.int().min(min).max(max).optional(), { ...wholeNumber(min, max), ...facts });
}

function wholeNumber(min: number, max: number): Pick<SettingFacts, 'expected' | 'decode'> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    decode: (text) => (/^[0-9]{1,15}$/.test(text) ? Number(text) : text),
  };
}

/** One of several words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  fallback: NoInfer<Words[number]>,
  facts: Declaration,
) {
  const schema = z.enum(words as readonly string[]).default(fallback) as z.ZodType<Words[number]>;
  return declare(schema, { expected: oneOf(words), fallback, ...facts });
}

/** One of several words, without a default. */
export function optionalChoice<const Words extends readonly [string, ...string[]]>(words: Words, facts: Declaration) {
  const schema = z.enum(words as readonly string[]).optional() as z.ZodType<Words[number] | undefined>;
  return declare(schema, { expected: oneOf(words), ...facts });
}

function oneOf(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A boolean; false by default. */
export function flag(facts: Declaration) {
  const meanings = new Map<string, boolean>([
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
  ]);
  return declare(z.boolean().default(false), {
    expected: '1 or 0 (true or false)',
    fallback: '0',
    decode: (text) => meanings.get(text) ?? text,
    ...facts,
  });
}

/** A list: separated by commas in the environment, an array in the file. */
export function list(
  fallback: readonly string[],
  facts: Declaration & { readonly expected: string },
  is: (text: string) => boolean,
) {
  return declare(z.array(z.string().refine(is)).default([...fallback]), {
    fallback: fallback.join(','),
    decode: (text) => text.split(',').map((item) => item.trim()),
    ...facts,
  });
}
