/** Checks of every response: the OpenAPI contract, the headers, no secrets. */
import { type Contract, type ContractOperation, contractOf } from './contract.ts';
import { headFaults } from './head-checks.ts';

/** A response whose body was read. */
export interface ReadResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** HTML pages, which OpenAPI leaves out. The list is written by hand: any other page is a fault. */
const pages: ReadonlySet<string> = new Set([
  '/',
  '/verify-email',
  '/register',
  '/check-mail',
  '/resend-verification',
  '/confirm-email-change',
  '/undo-email-change',
  '/forgot-password',
  '/reset-password',
  '/accept-invitation',
  '/cancel-deletion',
  '/.well-known/change-password',
  '/login/magic-link',
  '/login/email-code',
  '/login/choose',
  '/login',
  '/login/second-factor',
  '/setup',
  '/login/recovery-code',
  '/login/confirm-mailbox',
  '/login/confirm-mailbox/code',
  '/login/enroll',
  '/login/enroll/passkey',
  '/login/change-password',
  '/login/cancel-deletion',
  '/logout',
  '/signed-out',
  '/account',
  '/account/security',
  '/account/security/add-passkey',
  '/account/security/remove-passkey',
  '/login/passkey',
  '/login/second-factor/passkey',
  '/account/security/app',
  '/account/security/remove-app',
  '/account/security/recovery-codes',
  '/account/profile',
  '/account/profile/email',
  '/account/profile/cancel-email',
  '/account/security/password',
  '/account/security/rename-passkey',
  '/account/security/resume-passkey',
  '/account/sessions',
  '/account/sessions/end',
  '/account/sessions/end-others',
  '/account/sessions/forget-device',
  '/account/data',
  '/account/data/delete',
  '/account/connections',
  '/account/connections/connect',
  '/account/connections/disconnect',
  '/login/link',
  '/step-up',
  '/docs',
  '/docs/problems',
  '/dev/inbox',
  '/dev/mails',
]);

/** The pages of a provider, which has a path of its own. */
const providerPage = /^\/login\/with\/[^/]+(?:\/callback|\/email)?$/;

/** Development endpoints, which OpenAPI leaves out. */
const undocumented: ReadonlySet<string> = new Set([
  '/dev/inbox/messages',
  '/dev/inbox/mail',
  '/dev/mails/preview',
  '/dev/clock',
]);

/** The only responses that a cache may store. */
const cacheable: ReadonlySet<string> = new Set([
  '/.well-known/jwks.json',
  '/.well-known/security.txt',
  '/.well-known/webauthn',
  '/openapi.json',
]);

/** The problems of requests that match no operation. */
const codesWithoutOperation: ReadonlySet<string> = new Set([
  'not_found',
  'method_not_allowed',
  'malformed_request',
  'forbidden_key',
  'uri_too_long',
]);

const onEverything = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': /^(same|strict)-origin$/,
  'x-request-id': /^[\w-]{8,64}$/,
  'cross-origin-resource-policy': /^(same-origin|cross-origin)$/,
} as const;

const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; " +
  "base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** The only pages whose scripts may call the API. Their problems do not. */
const callingPages: ReadonlySet<string> = new Set([
  '/login',
  '/login/passkey',
  '/login/second-factor/passkey',
  '/step-up',
  '/account/security',
  '/account/security/add-passkey',
]);

const callingPolicy = `${pagePolicy}; connect-src 'self'`;

/** The only pages that show mails in a frame. */
const framingPages: ReadonlySet<string> = new Set(['/dev/inbox', '/dev/mails']);

const framingPolicy = `${pagePolicy}; frame-src 'self'`;

const onPages = {
  'content-type': 'text/html; charset=utf-8',
  'x-frame-options': 'DENY',
  'referrer-policy': 'strict-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': /^accelerometer=\(\), .*camera=\(\), .*microphone=\(\)/,
  'content-security-policy': pagePolicy,
} as const;

/** Limits what a browser does with data that it shows as a page or in a frame. */
const onData = {
  'content-security-policy': "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
} as const;

const secret = /lk_(?:rt|st|ot|lt|lb|dv|sk)_|\beyJ[\w-]+\.[\w-]+\.[\w-]+|\$argon2/;

/** Compares responses with the OpenAPI document of the same server. */
export class ResponseChecks {
  readonly #contract: Contract;
  readonly #observed = new Map<string, number>();

  /** @param document the text of the OpenAPI document. */
  constructor(document: string) {
    this.#contract = contractOf(document);
  }

  /** How often each `operation status code` was observed. */
  get observed(): ReadonlyMap<string, number> {
    return this.#observed;
  }

  /** The ids of all operations of the document. */
  get operationIds(): readonly string[] {
    return this.#contract.paths.flatMap(({ operations }) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
  }

  /** @throws Error that lists every fault of the response. */
  check(method: string, target: string, response: ReadResponse): void {
    const path = toLatest(target.split(/[?#]/)[0] ?? '');
    const wrong = [
      ...headerFaults(response.headers, onEverything),
      ...headFaults(response),
      ...secretFaults(response),
      ...cacheFaults(path, response),
      ...dataFaults(response),
      ...this.#bodyFaults(method, path, response),
    ];
    if (wrong.length === 0) return;
    throw new Error(`${method} ${path} returned ${response.status}: ${wrong.join('; ')}
${response.text.slice(0, 500)}`);
  }

  #bodyFaults(method: string, path: string, response: ReadResponse): string[] {
    const isPage = pages.has(path) || providerPage.test(path);
    if (isPage && mediaType(response.headers) === 'text/html') return this.#pageFaults(path, response);
    const matched = this.#contract.paths.find(({ pattern }) => pattern.test(path));
    const name = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = matched?.operations[name];
    if (matched === undefined || operation === undefined) return this.#faultsWithoutOperation(method, path, response);
    this.#count(operation.operationId, response);
    if (method === 'HEAD') return response.text === '' ? [] : ['the response to HEAD has a body'];
    return this.#operationFaults(matched.template, name, operation, response);
  }

  #operationFaults(template: string, method: string, operation: ContractOperation, response: ReadResponse): string[] {
    const type = mediaType(response.headers);
    if (response.status === 304 && operation.responses[304] !== undefined)
      return response.text === '' ? [] : ['304 with a body'];
    const content = operation.responses[response.status]?.content;
    if (content === undefined) return [`the status is not declared for ${operation.operationId}`];
    const declared = content[type] ?? content['*/*'];
    if (declared === undefined) return [`"${type}" is not declared`];
    if (declared.schema === undefined) return [];
    const pointer = ['paths', template, method, 'responses', String(response.status), 'content', type, 'schema'];
    return this.#schemaFaults(pointer, response);
  }

  #faultsWithoutOperation(method: string, path: string, response: ReadResponse): string[] {
    this.#count(undocumented.has(path) ? path : 'unmatched', response);
    if (response.status === 204) return response.headers.has('allow') ? [] : ['no Allow'];
    if (method === 'HEAD' || (undocumented.has(path) && response.status === 200)) return [];
    if (mediaType(response.headers) !== 'application/problem+json') return ['neither an operation nor a problem'];
    const faults = this.#schemaFaults(['components', 'schemas', 'Problem'], response);
    if (undocumented.has(path)) return faults;
    return faults.length > 0 ? faults : unmatchedFaults(response);
  }

  #pageFaults(path: string, response: ReadResponse): string[] {
    this.#count(path, response);
    const sent = response.headers.get('content-security-policy');
    const callsApi = callingPages.has(path) && sent === callingPolicy;
    const frames = framingPages.has(path) && sent === framingPolicy;
    const wider = (callsApi && callingPolicy) || (frames && framingPolicy);
    const expected = wider ? { ...onPages, 'content-security-policy': wider } : onPages;
    return [...headerFaults(response.headers, expected), ...formFaults(response.text)];
  }

  #schemaFaults(pointer: readonly string[], response: ReadResponse): string[] {
    const body = JSON.parse(response.text) as Envelope;
    const faults = this.#contract.faultsOf(pointer, body);
    if (body.meta?.requestId !== response.headers.get('x-request-id')) faults.push('the request ids differ');
    return body.success === false ? [...faults, ...problemFaults(body, response)] : faults;
  }

  #count(name: string, response: ReadResponse): void {
    const code = codeOf(response);
    const key = `${name} ${response.status}${code === undefined ? '' : ` ${code}`}`;
    this.#observed.set(key, (this.#observed.get(key) ?? 0) + 1);
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
  if (!codesWithoutOperation.has(code)) return [`"${code}" is not allowed here`];
  return code === 'method_not_allowed' && !headers.has('allow') ? ['405 without Allow'] : [];
}

function problemFaults(body: Envelope, { status, headers, text }: ReadResponse): string[] {
  const faults: string[] = [];
  if (body.status !== status) faults.push(`its status member is ${body.status}`);
  if (body.type?.endsWith(`/docs/problems#${body.code}`) !== true) faults.push('its type is not a page of the product');
  if (body.code === 'not_authenticated' && !headers.has('www-authenticate')) faults.push('no WWW-Authenticate');
  if (status === 503 && !headers.has('retry-after')) faults.push('no Retry-After');
  if (secret.test(text)) faults.push('a problem contains a secret');
  return faults;
}

function headerFaults(headers: Headers, expected: Readonly<Record<string, string | RegExp>>): string[] {
  return Object.entries(expected).flatMap(([name, wanted]) => {
    const value = headers.get(name) ?? '';
    const isRight = typeof wanted === 'string' ? value === wanted : wanted.test(value);
    return isRight ? [] : [`${name} is "${value}"`];
  });
}

/** Secrets may leave in bodies and in HttpOnly cookies only. */
function secretFaults({ headers }: ReadResponse): string[] {
  const inHeaders = [...headers].filter(([name, value]) => name !== 'set-cookie' && secret.test(value));
  const unprotected = headers.getSetCookie().filter((cookie) => !/; Path=\/; HttpOnly; SameSite=Lax(;|$)/.test(cookie));
  return [
    ...inHeaders.map(([name]) => `${name} contains a secret`),
    ...unprotected.map(() => 'a cookie that scripts can read'),
  ];
}

function cacheFaults(path: string, { status, headers }: ReadResponse): string[] {
  const value = headers.get('cache-control');
  // A file that is named by a hash of its content.
  if (value === 'public, max-age=31536000, immutable')
    return /^\/assets\/[\w-]+\.[0-9a-f]{12}\.[a-z]+$/.test(path) ? [] : ['immutable'];
  const isCacheable = cacheable.has(path) && (status === 200 || status === 304);
  if (isCacheable) return /^public, max-age=\d+$/.test(value ?? '') ? [] : [`cache-control is "${value}"`];
  return value === 'no-store' || status === 204 ? [] : [`cache-control is "${value}"`];
}

/** Applies to the envelope and to problems; documents that other specifications define are exempt. */
function dataFaults({ headers, text }: ReadResponse): string[] {
  const type = mediaType(headers);
  const isData =
    type === 'application/problem+json' || (type === 'application/json' && text.startsWith('{"success":true'));
  return isData ? headerFaults(headers, onData) : [];
}

/** A form without a token would accept cross-site requests. */
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

/** `/api/…` without a version means the latest version. */
function toLatest(path: string): string {
  return path.replace(/^\/api\/(?!v\d+(?:\/|$))/, '/api/v1/');
}
