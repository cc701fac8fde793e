/** From a request to the plain values that a handler gets, in one visible order. */
import { z } from 'zod';
import { Problem } from '#kernel/problem.ts';
import type { ApiEndpoint, PageEndpoint } from '../endpoint.ts';
import type { IncomingRequest } from '../engine/exchange.ts';
import type { Responder } from '../engine/responder.ts';
import { refuseForeignForm } from './admission.ts';
import { decodeUtf8, isFormType, isJsonType, type ParseJson, readForm, readJson } from './body.ts';
import { formTokenField } from './form-slot.ts';
import { isOwnForm } from './form-tokens.ts';
import { validate } from './validation.ts';

type Schema = z.ZodType | undefined;

/** Reads one part of a request. */
export type ReadPart = (request: IncomingRequest) => unknown;

const nothing: ReadPart = () => undefined;

/** A reader of the query. Without a schema a page ignores a query (trackers append to links); the API refuses it. */
export function queryReader(schema: Schema, kind: 'api' | 'page'): ReadPart {
  if (schema !== undefined) return (request) => validate(schema, readForm(queryOf(request)));
  if (kind === 'page') return nothing;
  return (request) => {
    const query = queryOf(request);
    if (query !== '') refuseUnknown(Object.keys(readForm(query)));
  };
}

/** The query as it was sent, without the question mark. The engine's parser is replaced by the identity. */
export function queryOf(request: IncomingRequest): string {
  return (request.query as string | undefined) ?? '';
}

/** A reader of the path's parameters: one that its schema refuses names nothing, so there is nothing there. */
export function paramsReader(schema: Schema): ReadPart {
  if (schema === undefined) return nothing;
  return (request) => {
    const result = schema.safeParse({ ...(request.params as object) });
    if (!result.success) throw new Problem('not_found');
    return result.data;
  };
}

/** A reader of a JSON body. */
export function bodyReader(endpoint: ApiEndpoint, parseJson: ParseJson): ReadPart {
  const schema = endpoint.request.body;
  if (schema === undefined) return endpoint.method === 'GET' ? nothing : emptyBodyReader(endpoint, parseJson);
  const mayBeAbsent = schema.safeParse(undefined).success;
  return (request) => {
    const bytes = bytesOf(request);
    if (bytes.length === 0 && mayBeAbsent) return validate(schema, undefined);
    const text = jsonText(request, bytes);
    // Raw control characters are refused by JSON and lone surrogates by UTF-8: only an escape can bring them in.
    return validate(schema, readJson(text, parseJson), text.includes('\\u'));
  };
}

// Many clients send `{}` with every POST; anything in it is unknown.
function emptyBodyReader(endpoint: ApiEndpoint, parseJson: ParseJson): ReadPart {
  return (request) => {
    const bytes = bytesOf(request);
    if (bytes.length === 0) return;
    if (endpoint.method === 'DELETE') throw new Problem('malformed_request', { log: 'DELETE with a body' });
    const value = readJson(jsonText(request, bytes), parseJson);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Problem('validation_failed', {
        errors: [{ path: '', code: 'invalid_type', message: 'Invalid input: expected object' }],
      });
    }
    refuseUnknown(Object.keys(value));
  };
}

/** The same for a page that is shown again: of a form's fields, those that the page's query has. */
export function sameQueryReader(schema: Schema): (fields: Readonly<Record<string, string>>) => unknown {
  if (schema === undefined) return () => undefined;
  const names = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return (fields) => validate(schema, Object.fromEntries(names.map((name) => [name, fields[name]])));
}

/** What somebody sent: a form of the browser's own, or one of anybody's. */
type SentForm =
  | { readonly kind: 'own'; readonly body: unknown }
  | { readonly kind: 'foreign'; readonly fields: Readonly<Record<string, string>> };

/** A reader of a page's form; a page's writes need no session, but must come from the page that this browser was shown. */
export function formReader(
  endpoint: PageEndpoint,
  transport: Responder,
): (request: IncomingRequest, cookie: string | undefined) => SentForm {
  const schema = endpoint.request.form ?? z.strictObject({});
  return (request, cookie) => {
    refuseForeignForm(request.raw.headers, transport.publicOrigin);
    refuseEncoded(request);
    if (!isFormType(request.raw.headers['content-type'])) throw new Problem('unsupported_media_type');
    const { [formTokenField]: token, ...fields } = readForm(decodeUtf8(bytesOf(request)));
    if (!isOwnForm(cookie, token)) return { kind: 'foreign', fields };
    return { kind: 'own', body: validate(schema, fields) };
  };
}

function jsonText(request: IncomingRequest, bytes: Buffer): string {
  refuseEncoded(request);
  if (!isJsonType(request.raw.headers['content-type'])) throw new Problem('unsupported_media_type');
  return decodeUtf8(bytes);
}

function refuseEncoded(request: IncomingRequest): void {
  const encoding = request.raw.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new Problem('unsupported_media_type');
}

const noBytes = Buffer.alloc(0);

function bytesOf(request: IncomingRequest): Buffer {
  return (request.body as Buffer | undefined) ?? noBytes;
}

function refuseUnknown(names: readonly string[]): void {
  if (names.length === 0) return;
  throw new Problem('validation_failed', {
    errors: names.slice(0, 32).map((name) => ({
      path: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      code: 'unknown_key',
      message: 'This field is not known here.',
    })),
  });
}
