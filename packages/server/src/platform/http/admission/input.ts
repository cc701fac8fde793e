/** Readers that turn the parts of a request into the validated values that a handler gets. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { ApiEndpoint, PageEndpoint } from '../endpoint.ts';
import { decodeUtf8, isFormType, isJsonType, type ParseJson, readForm, readJson, readKnownPairs } from './body.ts';
import { formTokenField, shownAgainField } from './form-slot.ts';
import { isOwnForm } from './form-tokens.ts';
import { validate } from './validation.ts';

type Schema = z.ZodType | undefined;

export type ReadPart = (request: FastifyRequest) => unknown;

const readNothing: ReadPart = () => undefined;

/** A reader of the API's query, which rejects unknown names. */
export function queryReader(schema: Schema): ReadPart {
  if (schema !== undefined) return (request) => validate(schema, readForm(queryOf(request)));
  return (request) => {
    const query = queryOf(request);
    if (query !== '') refuseUnknown(Object.keys(readForm(query)));
  };
}

/** A reader of a page's query, which ignores unknown names (invariant 9). */
export function pageQueryReader(schema: Schema): ReadPart {
  if (schema === undefined) return readNothing;
  const names = namesOfQuery(schema);
  return (request) => validate(schema, readKnownPairs(queryOf(request), names));
}

/** The names that the query of a page may have. */
export function namesOfQuery(schema: Schema): ReadonlySet<string> {
  return new Set(schema === undefined ? [] : namesOf(schema));
}

function namesOf(schema: z.ZodType): readonly string[] {
  assert(schema instanceof z.ZodObject, 'the query of a page is an object');
  return Object.keys(schema.shape);
}

/** The query as it was sent, without the question mark; `server.ts` sets the parser that keeps it. */
export function queryOf(request: FastifyRequest): string {
  return (request.query as { readonly text: string }).text;
}

/** A reader of the path's parameters. A value that the schema rejects identifies nothing: `not_found`. */
export function paramsReader(schema: Schema): ReadPart {
  if (schema === undefined) return readNothing;
  return (request) => {
    const result = schema.safeParse({ ...(request.params as object) });
    if (!result.success) throw new Problem('not_found');
    return result.data;
  };
}

/** A reader of a JSON body. */
export function bodyReader(endpoint: ApiEndpoint, parseJson: ParseJson): ReadPart {
  const schema = endpoint.request.body;
  if (schema === undefined) return endpoint.method === 'GET' ? readNothing : emptyBodyReader(endpoint, parseJson);
  const mayBeAbsent = schema.safeParse(undefined).success;
  return (request) => {
    const bytes = bytesOf(request);
    if (bytes.length === 0 && mayBeAbsent) return validate(schema, undefined);
    const text = jsonText(request, bytes);
    // JSON rejects raw control characters and UTF-8 lone surrogates: only an escape can contain them.
    return validate(schema, readJson(text, parseJson), text.includes('\\u'));
  };
}

// Many clients send `{}` with every POST.
function emptyBodyReader(endpoint: ApiEndpoint, parseJson: ParseJson): ReadPart {
  return (request) => {
    const bytes = bytesOf(request);
    if (bytes.length === 0) return;
    if (endpoint.method === 'DELETE') throw new Problem('malformed_request', { log: 'DELETE with a body' });
    const value = readJson(jsonText(request, bytes), parseJson);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Problem('validation_failed', {
        errors: [{ path: '', code: 'invalid_type', message: 'Send a JSON object.' }],
      });
    }
    refuseUnknown(Object.keys(value));
  };
}

/** A reader of the query of a page that is shown again: it takes the values from the fields of the form. */
export function sameQueryReader(schema: Schema): (fields: Readonly<Record<string, string>>) => unknown {
  if (schema === undefined) return () => undefined;
  const names = namesOf(schema);
  return (fields) => validate(schema, Object.fromEntries(names.map((name) => [name, fields[name]])));
}

/** A form with a valid CSRF token, or one without. */
export type SentForm =
  | { readonly kind: 'own'; readonly body: unknown }
  | {
      readonly kind: 'foreign';
      readonly fields: Readonly<Record<string, string>>;
      /** It was shown again before, and its cookie is missing once more. */
      readonly refusesCookies: boolean;
    };

/** A reader of a page's form, which must come from the page that this browser was shown. */
export function formReader(endpoint: PageEndpoint): (request: FastifyRequest, cookie: string | undefined) => SentForm {
  const schema = endpoint.request.form ?? z.strictObject({});
  if (endpoint.foreignForm === true) return (request) => ({ kind: 'own', body: readForeignForm(schema, request) });
  return (request, cookie) => {
    refuseNoForm(request);
    const { [formTokenField]: token, [shownAgainField]: again, ...fields } = readForm(decodeUtf8(bytesOf(request)));
    const refusesCookies = again !== undefined && cookie === undefined;
    if (!isOwnForm(cookie, token)) return { kind: 'foreign', fields, refusesCookies };
    return { kind: 'own', body: validate(schema, fields) };
  };
}

/** The fields that we know of a form of another site. */
function readForeignForm(schema: z.ZodType, request: FastifyRequest): unknown {
  refuseNoForm(request);
  return validate(schema, readKnownPairs(decodeUtf8(bytesOf(request)), namesOfQuery(schema)));
}

function refuseNoForm(request: FastifyRequest): void {
  refuseEncoded(request);
  if (!isFormType(request.headers['content-type'])) throw new Problem('unsupported_media_type');
}

function jsonText(request: FastifyRequest, bytes: Buffer): string {
  refuseEncoded(request);
  if (!isJsonType(request.headers['content-type'])) throw new Problem('unsupported_media_type');
  return decodeUtf8(bytes);
}

function refuseEncoded(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new Problem('unsupported_media_type');
}

const noBytes = Buffer.alloc(0);

/** The body as it was sent. */
export function bytesOf(request: FastifyRequest): Buffer {
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
