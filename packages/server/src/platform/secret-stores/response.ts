/** Reads the responses of stores. Their bodies are secrets or descriptions of requests, so no failure quotes them. */
import type { OutboundResponse } from '#platform/outbound/index.ts';
import { StoreFailure } from './failure.ts';

type Members = Readonly<Record<string, unknown>>;

/** The sentences of statuses that have a usual cause. */
type Causes = Readonly<Record<number, string>>;

/** @throws StoreFailure for any status but 200. */
export function requireOk({ status }: OutboundResponse, service: string, causes: Causes): void {
  if (status === 200) return;
  const isTransient = status === 429 || status >= 500;
  throw new StoreFailure(causes[status] ?? `${service} responded with ${status}`, { isTransient });
}

/** The JSON object of a body. */
export function readObject({ body }: OutboundResponse, service: string): Members {
  const value = parseJson(body.toString('utf8'));
  if (isObject(value)) return value;
  throw new StoreFailure(`the response of ${service} is not a JSON object`);
}

/** An own member that is an object. */
export function objectIn(value: unknown, name: string): Members | undefined {
  const member = memberOf(value, name);
  return isObject(member) ? member : undefined;
}

/** An own member that is a text with a character at least. */
export function textIn(value: unknown, name: string): string | undefined {
  const member = memberOf(value, name);
  return typeof member === 'string' && member !== '' ? member : undefined;
}

/** A field of a secret. */
export function fieldOf(value: Members, field: string): string {
  const member = memberOf(value, field);
  if (member === undefined) throw new StoreFailure(`the secret has no field "${field}"`);
  if (typeof member !== 'string') throw new StoreFailure(`the field "${field}" of the secret is not a text`);
  return member;
}

/** The secret, or a field of the JSON object that it is. */
export function pickField(text: string, field: string | undefined): string {
  if (field === undefined) return text;
  const value = parseJson(text);
  if (!isObject(value)) throw new StoreFailure(`the secret is not a JSON object, so it has no field "${field}"`);
  return fieldOf(value, field);
}

/** @throws StoreFailure for bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new StoreFailure('the secret is not a UTF-8 text');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
