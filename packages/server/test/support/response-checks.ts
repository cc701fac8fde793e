/** What every answer of the product must keep, whatever was asked: the contract of OpenAPI, the headers, no secrets. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import { headFaults } from './head-checks.ts';

/** An answer whose body was read. */
export interface ReadResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Matched {
  readonly pattern: RegExp;
  readonly template: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** HTML for people; OpenAPI leaves these out. Written by hand: a page that is not named here is a fault. */
const pages: ReadonlySet<string> = new Set([
  '/verify-email',
  '/confirm-email-change',
  '/undo-email-change',
  '/reset-password',
  '/accept-invitation',
  '/cancel-deletion',
  '/.well-known/change-password',
  '/login/magic-link',
  '/docs',
  '/docs/problems',
  '/dev/inbox',
]);

/** Documents that OpenAPI leaves out because they are for development. */
const undocumented: ReadonlySet<string> = new Set(['/dev/inbox/messages', '/dev/clock']);

/** The only answers that a cache may keep. */
const cacheable: ReadonlySet<string> = new Set([
  '/.well-known/jwks.json',
  '/.well-known/security.txt',
  '/openapi.json',
  '/assets/latchkey.css',
]);

/** What somebody may be told who reached no operation of the document. */
const codesWithoutOperation: ReadonlySet<string> = new Set([
  'not_found',
  'method_not_allowed',
  'malformed_request',
  'forbidden_key',
  'uri_too_long',
]);

const onEverything = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-request-id': /^[\w-]{8,64}$/,
  'cross-origin-resource-policy': /^(same-origin|cross-origin)$/,
} as const;

const onPages = {
  'content-type': 'text/html; charset=utf-8',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': /^accelerometer=\(\), .*camera=\(\), .*microphone=\(\)/,
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
} as const;

/** What a browser may do with data that it shows as a page, or in a frame. */
const onData = {
  'content-security-policy': "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
} as const;

const secret = /lk_(?:rt|st|ot|lt|lb|dv|sk)_|\beyJ[\w-]+\.[\w-]+\.[\w-]+|\$argon2/;

/** Compares answers with the OpenAPI document that the same server gives out. */
export class ResponseChecks {
  readonly #ajv: Ajv2020;
  readonly #paths: readonly Matched[];
  readonly #schemas = new Map<string, ValidateFunction>();
  readonly #seen = new Map<string, number>();

  constructor(document: object) {
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(document, 'openapi');
    this.#paths = Object.entries((document as OpenApi).paths).map(([template, operations]) => ({
      pattern: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      template,
      operations,
    }));
  }

  /** How often each `operation status`, and code of a problem, was seen, so that a run without answers is noticed. */
  get seen(): ReadonlyMap<string, number> {
    return this.#seen;
  }

  /** The ids of all operations of the document. */
  get operationIds(): readonly string[] {
    return this.#paths.flatMap(({ operations }) => Object.values(operations).map(({ operationId }) => operationId));
  }

  /** @throws Error that lists everything that is wrong with the answer. */
  check(method: string, target: string, answer: ReadResponse): void {
    const path = toLatest(target.split(/[?#]/)[0] ?? '');
    const wrong = [
      ...headerFaults(answer.headers, onEverything),
      ...headFaults(path, answer),
      ...secretFaults(answer),
      ...cacheFaults(path, answer),
      ...dataFaults(answer),
      ...this.#bodyFaults(method, path, answer),
    ];
    if (wrong.length === 0) return;
    throw new Error(`${method} ${path} answered ${answer.status}: ${wrong.join('; ')}\n${answer.text.slice(0, 500)}`);
  }

  #bodyFaults(method: string, path: string, answer: ReadResponse): string[] {
    if (pages.has(path) && mediaType(answer.headers) === 'text/html') return this.#pageFaults(path, answer);
    const matched = this.#paths.find(({ pattern }) => pattern.test(path));
    const name = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = matched?.operations[name];
    if (matched === undefined || operation === undefined) return this.#faultsWithoutOperation(method, path, answer);
    this.#count(operation.operationId, answer);
    if (method === 'HEAD') return answer.text === '' ? [] : ['an answer to HEAD has a body'];
    return this.#operationFaults(matched.template, name, operation, answer);
  }

  #operationFaults(template: string, method: string, operation: Operation, answer: ReadResponse): string[] {
    const type = mediaType(answer.headers);
    const content = operation.responses[answer.status]?.content;
    if (content === undefined) return [`the status is not declared for ${operation.operationId}`];
    const declared = content[type];
    if (declared === undefined) return [`"${type}" is not declared`];
    if (declared.schema === undefined) return [];
    const pointer = ['paths', template, method, 'responses', String(answer.status), 'content', type, 'schema'];
    return this.#schemaFaults(pointer, answer);
  }

  #faultsWithoutOperation(method: string, path: string, answer: ReadResponse): string[] {
    this.#count(undocumented.has(path) ? path : 'unmatched', answer);
    if (answer.status === 204) return answer.headers.has('allow') ? [] : ['no Allow'];
    if (method === 'HEAD' || (undocumented.has(path) && answer.status === 200)) return [];
    if (mediaType(answer.headers) !== 'application/problem+json') return ['neither an operation nor a problem'];
    const faults = this.#schemaFaults(['components', 'schemas', 'Problem'], answer);
    if (undocumented.has(path)) return faults;
    return faults.length > 0 ? faults : unmatchedFaults(answer);
  }

  #pageFaults(path: string, answer: ReadResponse): string[] {
    this.#count(path, answer);
    return [...headerFaults(answer.headers, onPages), ...formFaults(answer.text)];
  }

  #schemaFaults(pointer: readonly string[], answer: ReadResponse): string[] {
    const key = pointer.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    const validate = this.#schemas.get(key) ?? this.#ajv.compile({ $ref: `openapi#/${key}` });
    this.#schemas.set(key, validate);
    const body = JSON.parse(answer.text) as Envelope;
    const faults = validate(body)
      ? []
      : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
    if (body.meta?.requestId !== answer.headers.get('x-request-id')) faults.push('two request ids');
    return body.success === false ? [...faults, ...problemFaults(body, answer)] : faults;
  }

  #count(name: string, answer: ReadResponse): void {
    const code = codeOf(answer);
    const key = `${name} ${answer.status}${code === undefined ? '' : ` ${code}`}`;
    this.#seen.set(key, (this.#seen.get(key) ?? 0) + 1);
  }
}

interface Envelope {
  readonly success?: boolean;
  readonly status?: number;
  readonly code?: string;
  readonly type?: string;
  readonly meta?: { readonly requestId?: string };
}

function unmatchedFaults({ headers, text }: ReadResponse): string[] {
  const { code = '' } = JSON.parse(text) as Envelope;
  if (!codesWithoutOperation.has(code)) return [`"${code}" cannot be answered here`];
  return code === 'method_not_allowed' && !headers.has('allow') ? ['405 without Allow'] : [];
}

function problemFaults(body: Envelope, { status, headers, text }: ReadResponse): string[] {
  const faults: string[] = [];
  if (body.status !== status) faults.push(`its status member is ${body.status}`);
  if (body.type?.endsWith(`/docs/problems#${body.code}`) !== true) faults.push('its type is no page of ours');
  if (body.code === 'not_authenticated' && !headers.has('www-authenticate')) faults.push('no WWW-Authenticate');
  if (status === 503 && !headers.has('retry-after')) faults.push('no Retry-After');
  if (secret.test(text)) faults.push('a problem holds a secret');
  return faults;
}

function headerFaults(headers: Headers, expected: Readonly<Record<string, string | RegExp>>): string[] {
  return Object.entries(expected).flatMap(([name, wanted]) => {
    const value = headers.get(name) ?? '';
    const right = typeof wanted === 'string' ? value === wanted : wanted.test(value);
    return right ? [] : [`${name} is "${value}"`];
  });
}

/** Secrets leave in bodies and in our cookies, which no script can read. */
function secretFaults({ headers }: ReadResponse): string[] {
  const inHeaders = [...headers].filter(([name, value]) => name !== 'set-cookie' && secret.test(value));
  const loose = headers.getSetCookie().filter((cookie) => !/; Path=\/; HttpOnly; SameSite=Lax(;|$)/.test(cookie));
  return [...inHeaders.map(([name]) => `${name} holds a secret`), ...loose.map(() => 'a cookie that scripts can read')];
}

function cacheFaults(path: string, { status, headers }: ReadResponse): string[] {
  const value = headers.get('cache-control');
  const mayBeKept = cacheable.has(path) && status === 200;
  if (mayBeKept) return /^public, max-age=\d+$/.test(value ?? '') ? [] : [`cache-control is "${value}"`];
  return value === 'no-store' || status === 204 ? [] : [`cache-control is "${value}"`];
}

/** The envelope and problems; documents that specifications define are neither pages nor anybody's data. */
function dataFaults({ headers, text }: ReadResponse): string[] {
  const type = mediaType(headers);
  const isData =
    type === 'application/problem+json' || (type === 'application/json' && text.includes('"success":true'));
  return isData ? headerFaults(headers, onData) : [];
}

/** A form without its token could be sent from anywhere. */
function formFaults(text: string): string[] {
  const forms = text.match(/<form method="post"/g)?.length ?? 0;
  const tokens = text.match(/<input type="hidden" name="formToken" value="[\w-]{43}">/g)?.length ?? 0;
  return forms === tokens ? [] : [`${forms} forms and ${tokens} tokens`];
}

function codeOf({ headers, text }: ReadResponse): string | undefined {
  if (text === '' || mediaType(headers) !== 'application/problem+json') return undefined;
  return (JSON.parse(text) as Envelope).code;
}

function mediaType(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0] ?? '';
}

/** `/api/…` is the latest version (ARCHITECTURE.md). */
function toLatest(path: string): string {
  return path.replace(/^\/api\/(?!v\d+(?:\/|$))/, '/api/v1/');
}
