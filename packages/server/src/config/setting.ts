/** Declares settings: each is a zod schema for the value, with the facts for messages and the reference page. */
import { z } from 'zod';
import type { Parsed } from '#kernel/parsed.ts';
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
  /** The path in `Config` when it is not the key. */
  readonly field?: string;
  /** The text of an effective value, for `config print`. */
  readonly show: (value: unknown) => string;
  /** A further sentence for a wrong value that has a known cause, without its period. */
  readonly hint: (value: unknown) => string | undefined;
}

/** Maps each leaf of the schema to its facts. */
export const settingFacts = z.registry<SettingFacts>();

type Declaration = Pick<SettingFacts, 'env' | 'doc'> & Partial<SettingFacts>;

function declare<Schema extends z.ZodType>(schema: Schema, facts: Declaration & { readonly expected: string }): Schema {
  const complete = {
    secret: false,
    fallback: '',
    decode: (text: string) => text,
    show: (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)),
    hint: () => undefined,
    ...facts,
  };
  settingFacts.add(schema, complete);
  return schema;
}

/** Optional text that satisfies `is`. */
export function text(facts: Declaration & { readonly expected: string }, is: (text: string) => boolean = isLine) {
  return declare(z.string().refine(is).optional(), facts);
}

/** Optional text that is never printed and can come from a file. */
export function secret(facts: Declaration & { readonly expected: string }, is: (text: string) => boolean) {
  return text({ ...facts, secret: true }, is);
}

/** How a setting's text becomes its value, and for `config print` the text again. */
interface Form<T> {
  readonly parse: (text: string) => Parsed<T>;
  readonly format: (value: T) => string;
}

/** Text that becomes a value. The parser decides what is accepted, so that no later use of the value can reject it. */
export function parsedText<T>(facts: Declaration & { readonly expected: string }, form: Form<T>) {
  return declare(parsing(form.parse).optional(), { show: showing(form), ...facts });
}

/** A secret that becomes a value. */
export function parsedSecret<T>(
  facts: Declaration & { readonly expected: string },
  parse: (text: string) => Parsed<T>,
) {
  return declare(parsing(parse).optional(), { secret: true, ...facts });
}

/** A list of texts, each of which becomes a value. */
export function parsedList<T>(facts: Declaration & { readonly expected: string }, form: Form<T>) {
  const show = (values: unknown) => (values as readonly T[]).map(form.format).join(',');
  return declare(z.array(parsing(form.parse)).default([]), { decode: splitList, show, ...facts });
}

function showing<T>({ format }: Form<T>): SettingFacts['show'] {
  return (value) => format(value as T);
}

/** The reason of a rejection is in the issue's parameters. */
function parsing<T>(parse: (text: string) => Parsed<T>) {
  return z.string().transform((text, context): T => {
    const result = parse(text);
    if (result.kind === 'ok') return result.value;
    context.addIssue({ code: 'custom', params: { reason: result.reason } });
    return z.NEVER;
  });
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
    decode: splitList,
    show: (values) => (values as readonly string[]).join(','),
    ...facts,
  });
}

function splitList(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}
