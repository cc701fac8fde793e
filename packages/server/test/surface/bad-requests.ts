/** Invalid requests and the problem that each must return, for whole bodies, single members and queries. */
import type { ProblemCode } from '#kernel/problem.ts';
import { renderedForm } from '../support/rendered-form.ts';
import type { ExpectedOperation } from './expected-operation.ts';

/** One invalid request. `headers`, `body` and `query` replace those of the valid request. */
export interface BadRequest {
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly query?: string;
  readonly problem: ProblemCode;
}

type Values = Readonly<Record<string, string>>;
type Members = Readonly<Record<string, string | object | boolean>>;

/** JSON values that a string schema rejects. */
const nonStrings: Readonly<Record<string, unknown>> = {
  'a number': 12345678901234,
  null: null,
  true: true,
  'an array': ['correct horse battery'],
  'an object': { toString: 'x' },
  'a number beyond doubles': -1e308,
};

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const megabyte = 'a'.repeat(1024 * 1024);

/** Invalid bodies for an operation with a JSON body; `valid` is a body that it accepts. */
export function badJson(valid: Members, optional: readonly string[]): BadRequest[] {
  const text = JSON.stringify(valid);
  const [first = ''] = Object.keys(valid);
  const bad = (what: string, body: string | Buffer, problem: ProblemCode): BadRequest => {
    return { what, body, problem: problem, headers: json };
  };
  return [
    ...badSyntax(text, bad),
    bad('a duplicate key', `${text.slice(0, -1)},"${first}":"x"}`, 'duplicate_key'),
    bad('a duplicate key, escaped once', `${text.slice(0, -1)},"${escaped(first)}":"x"}`, 'duplicate_key'),
    bad('__proto__', `${text.slice(0, -1)},"__proto__":{"isAdmin":true}}`, 'forbidden_key'),
    bad('__proto__, escaped', `${text.slice(0, -1)},"__pr\\u006fto__":1}`, 'forbidden_key'),
    bad('a nested __proto__', `${text.slice(0, -1)},"x":[{"__proto__":1}]}`, 'forbidden_key'),
    bad('an unknown key', JSON.stringify({ ...valid, isAdmin: true }), 'validation_failed'),
    bad('constructor', JSON.stringify({ ...valid, constructor: { prototype: {} } }), 'validation_failed'),
    ...['[]', 'null', '1', '"x"', 'true'].map((body) => bad(`${body} for an object`, body, 'validation_failed')),
    ...badTypes(text),
    ...Object.keys(valid).flatMap((name) => badMember(valid, name, optional.includes(name))),
  ];
}

function badSyntax(
  text: string,
  bad: (what: string, body: string | Buffer, code: ProblemCode) => BadRequest,
): BadRequest[] {
  return [
    bad('no body', '', 'malformed_json'),
    bad('an incomplete body', text.slice(0, -1), 'malformed_json'),
    bad('two bodies', text + text, 'malformed_json'),
    bad('a trailing comma', `${text.slice(0, -1)},}`, 'malformed_json'),
    bad('NaN', '{"email":NaN}', 'malformed_json'),
    bad('a comment', `/* */${text}`, 'malformed_json'),
    bad('a byte order mark', `\ufeff${text}`, 'malformed_json'),
    bad('a raw control character', text.replace('":', '":\u0001'), 'malformed_json'),
    bad('a raw null byte', text.replace('":', '":\u0000'), 'malformed_json'),
    bad(
      'invalid UTF-8',
      Buffer.concat([Buffer.from('{"email":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      'malformed_request',
    ),
    bad('a surrogate in UTF-8', Buffer.from('7b2278223a22eda08022227d', 'hex'), 'malformed_request'),
    bad('UTF-16', Buffer.from(text, 'utf16le'), 'malformed_json'),
    bad('nesting 10,000 deep', '['.repeat(10_000), 'too_deep'),
    bad('nesting 10,000 deep in objects', '{"":'.repeat(4_000), 'too_deep'),
    bad('nesting 10,000 deep, closed again', '['.repeat(10_000) + ']'.repeat(10_000), 'body_too_large'),
    bad('a megabyte', `{"email":"${megabyte}"}`, 'body_too_large'),
    bad('a megabyte of white space', `${' '.repeat(1024 * 1024)}${text}`, 'body_too_large'),
  ];
}

function badTypes(text: string): BadRequest[] {
  const types = [
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ];
  const wrong = [...types, 'application/json; charset=utf-16', 'application/json, text/plain', 'application/jsonx', ''];
  return [
    ...wrong.map((type): BadRequest => {
      return {
        what: `the type "${type}"`,
        body: text,
        headers: { 'content-type': type },
        problem: 'unsupported_media_type',
      };
    }),
    { what: 'no type', body: text, problem: 'unsupported_media_type' },
    { what: 'gzip', body: text, headers: { ...json, 'content-encoding': 'gzip' }, problem: 'unsupported_media_type' },
  ];
}

function badMember(valid: Members, name: string, isOptional: boolean): BadRequest[] {
  const invalid = (what: string, value: unknown): BadRequest => {
    const body = JSON.stringify({ ...valid, [name]: value });
    return { what: `${what} as ${name}`, body, headers: json, problem: 'validation_failed' };
  };
  const { [name]: own = '', ...others } = valid;
  const text = typeof own === 'string' ? own : JSON.stringify(own);
  return [
    ...Object.entries(nonStrings)
      .filter(([, value]) => typeof value !== 'boolean' || typeof valid[name] !== 'boolean')
      .map(([what, value]) => invalid(what, value)),
    invalid('a null byte', `${text}\u0000`),
    invalid('a lone surrogate', `${text}\ud800`),
    invalid('a reversed surrogate pair', `\udc00\ud800${text}`),
    invalid('ten thousand characters', 'a'.repeat(10_000)),
    ...(isOptional
      ? []
      : [{ what: `no ${name}`, body: JSON.stringify(others), headers: json, problem: 'validation_failed' } as const]),
  ];
}

/** Invalid bodies for an operation without a body. */
export function badWithoutBody(method: string): BadRequest[] {
  const bodies: readonly (readonly [string, ProblemCode])[] =
    method === 'POST'
      ? [
          ['{"x":1}', 'validation_failed'],
          ['[]', 'validation_failed'],
          ['null', 'validation_failed'],
          ['{"a":1,"a":2}', 'duplicate_key'],
          ['{"__proto__":1}', 'forbidden_key'],
          ['{', 'malformed_json'],
          ['['.repeat(10_000), 'too_deep'],
        ]
      : [['{}', 'malformed_request']];
  const tooLarge: BadRequest[] =
    method === 'GET' ? [] : [{ what: 'a megabyte', body: megabyte, headers: json, problem: 'body_too_large' }];
  const text = { 'content-type': 'text/plain' };
  const wrongType: BadRequest[] =
    method === 'POST' ? [{ what: 'a text', body: 'x', headers: text, problem: 'unsupported_media_type' }] : [];
  return [
    ...wrongType,
    ...bodies.map(
      ([body, problem]): BadRequest => ({ what: body.slice(0, 20), body, headers: json, problem: problem }),
    ),
    ...tooLarge,
  ];
}

/** Invalid form bodies for a page. */
export function badForm(valid: Values, optional: readonly string[], isForeignForm = false): BadRequest[] {
  const text = new URLSearchParams({ ...renderedForm.fields, ...valid }).toString();
  const [first = ''] = Object.keys(valid);
  const bad = (what: string, body: string | Buffer, problem: ProblemCode): BadRequest => {
    return { what, body, problem: problem, headers: form };
  };
  const unknownFields = [
    bad('an unknown field', `${text}&isAdmin=1`, 'validation_failed'),
    bad('__proto__', `${text}&__proto__=x`, 'forbidden_key'),
    bad('an invalid escape', `${text}&x=%zz`, 'malformed_request'),
    bad('an escape that is not UTF-8', `${text}&x=%c3%28`, 'malformed_request'),
    bad('a thousand fields', Array.from({ length: 1_000 }, (_, index) => `f${index}=1`).join('&'), 'malformed_request'),
  ];
  return [
    // Of a form of another site only the fields that we know are read.
    ...(isForeignForm ? [] : unknownFields),
    bad('a duplicate field', `${text}&${first}=x`, 'malformed_request'),
    bad('invalid UTF-8', Buffer.from([0x78, 0x3d, 0xc3, 0x28]), 'malformed_request'),
    bad('a null byte', text.replace(`${first}=`, `${first}=%00`), 'validation_failed'),
    ...(Object.keys(valid).every((name) => optional.includes(name))
      ? []
      : [bad('an empty form', new URLSearchParams(renderedForm.fields).toString(), 'validation_failed')]),
    bad('a megabyte', `token=${megabyte}`, 'body_too_large'),
    ...['text/plain', 'application/json', 'multipart/form-data; boundary=x'].map((type): BadRequest => {
      return {
        what: `the type "${type}"`,
        body: text,
        headers: { 'content-type': type },
        problem: 'unsupported_media_type',
      };
    }),
    ...Object.keys(valid)
      .filter((name) => !optional.includes(name))
      .map((name) => {
        const { [name]: _omitted, ...others } = valid;
        const rest = new URLSearchParams({ ...renderedForm.fields, ...others }).toString();
        return bad(`no ${name}`, rest, 'validation_failed');
      }),
  ];
}

/** Invalid queries; API operations reject unknown names, pages ignore them. */
export function badQueries({ kind, query }: ExpectedOperation): BadRequest[] {
  if (kind === 'page') return query === undefined ? [] : badPageQuery(query);
  const prefix = query === undefined ? '' : `${query}&`;
  const malformed: BadRequest[] = [
    { what: 'an invalid escape in the query', query: `${prefix}x=%zz`, problem: 'malformed_request' },
    { what: 'an escape that is not UTF-8 in the query', query: `${prefix}x=%c3%28`, problem: 'malformed_request' },
    { what: 'a duplicate name in the query', query: `${prefix}x=1&x=2`, problem: 'malformed_request' },
    { what: '__proto__ in the query', query: `${prefix}__proto__=1`, problem: 'forbidden_key' },
    { what: 'a hundred names in the query', query: prefix + names(100), problem: 'malformed_request' },
    { what: 'a very long query', query: `${prefix}x=${'a'.repeat(5_000)}`, problem: 'uri_too_long' },
  ];
  if (kind === 'document') return malformed;
  return [
    ...malformed,
    { what: 'an unknown name in the query', query: `${prefix}unknown=1`, problem: 'validation_failed' },
    { what: 'brackets in the query', query: `${prefix}a[b]=1`, problem: 'validation_failed' },
    ...(query === undefined ? [] : badKnownQuery(query)),
  ];
}

/** Pages read the names that they know, and are as strict about those as the API. */
function badPageQuery(query: string): BadRequest[] {
  const [name = ''] = query.split('=');
  return [
    { what: `an invalid escape as ${name}`, query: `${name}=%zz`, problem: 'malformed_request' },
    { what: `an escape that is not UTF-8 as ${name}`, query: `${name}=%c3%28`, problem: 'malformed_request' },
    { what: `a duplicate ${name}`, query: `${query}&${query}`, problem: 'malformed_request' },
    { what: `a null byte as ${name}`, query: `${name}=%00`, problem: 'validation_failed' },
    { what: 'a very long query', query: `${query}&x=${'a'.repeat(5_000)}`, problem: 'uri_too_long' },
  ];
}

function badKnownQuery(query: string): BadRequest[] {
  const [name = ''] = query.split('=');
  return [
    { what: `a null byte as ${name}`, query: `${name}=%00`, problem: 'validation_failed' },
    { what: `${name} as a list`, query: `${name}[]=x`, problem: 'validation_failed' },
    { what: `a very long ${name}`, query: `${name}=${'a'.repeat(1_000)}`, problem: 'validation_failed' },
  ];
}

function names(count: number): string {
  return Array.from({ length: count }, (_, index) => `n${index}=1`).join('&');
}

function escaped(name: string): string {
  return `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`;
}
