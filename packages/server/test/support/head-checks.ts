/** Checks of the response head beyond the headers that every response carries. */
import type { ReadResponse } from './response-checks.ts';

/** The allowed headers. The list is written by hand, so that a new header is reviewed once. */
const known: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'allow',
  'cache-control',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'etag',
  'date',
  'keep-alive',
  'location',
  'permissions-policy',
  'ratelimit',
  'ratelimit-policy',
  'referrer-policy',
  'retry-after',
  'set-cookie',
  'strict-transport-security',
  'vary',
  'www-authenticate',
  'x-content-type-options',
  'x-frame-options',
  'x-request-id',
]);

/** The product's cookies; over https they carry the `__Host-` prefix. */
const cookie =
  /^(__Host-)?latchkey(?:[_-](?:session|device|form|login|ticket|lang))?=[\w.-]*; Path=\/; HttpOnly; SameSite=Lax(; Secure)?(?:; Max-Age=0|; Expires=[^;]+ GMT)?$/;

/** Returns every fault of a response head. */
export function headFaults(response: ReadResponse): string[] {
  const unknown = [...response.headers.keys()].filter((name) => !known.has(name));
  return [
    ...unknown.map((name) => `the header ${name} is not allowed`),
    ...cookieFaults(response),
    ...limitFaults(response),
    ...contextFaults(response),
  ];
}

function cookieFaults({ headers }: ReadResponse): string[] {
  return headers.getSetCookie().flatMap((line) => {
    const match = cookie.exec(line);
    if (match === null) return [`an unknown cookie: ${line.replace(/=[^;]*/, '=…')}`];
    return (match[1] === undefined) === (match[2] === undefined) ? [] : ['__Host- and Secure differ'];
  });
}

/** draft-ietf-httpapi-ratelimit-headers; a 429 carries Retry-After. */
function limitFaults({ status, headers }: ReadResponse): string[] {
  const [policy, limit] = [headers.get('ratelimit-policy'), headers.get('ratelimit')];
  const retryAfter = headers.get('retry-after');
  const mustWait = status === 429 || retryAfter !== null;
  return broken([
    [policy === null && limit === null, areLimits(policy ?? '', limit ?? ''), `RateLimit is ${limit} of ${policy}`],
    [!mustWait, /^[1-9]\d*$/.test(retryAfter ?? ''), `Retry-After is ${retryAfter}`],
  ]);
}

function areLimits(policy: string, limit: string): boolean {
  const name = /^"([a-z-]+)";q=\d+;w=\d+$/.exec(policy)?.[1];
  return name !== undefined && /^"([a-z-]+)";r=\d+;t=\d+$/.exec(limit)?.[1] === name;
}

function contextFaults({ status, headers }: ReadResponse): string[] {
  const isRedirect = status >= 300 && status < 400 && status !== 304;
  return broken([
    [!headers.has('www-authenticate'), status === 401, 'WWW-Authenticate'],
    [!headers.has('allow'), status === 405 || status === 204, 'Allow'],
    [!headers.has('location') && !isRedirect, headers.has('location') && isRedirect, `Location on ${status}`],
    [!headers.has('access-control-allow-credentials'), headers.get('access-control-allow-origin') !== '*', 'open CORS'],
  ]);
}

/** The faults of the rules that concern the response and are broken. */
function broken(rules: readonly (readonly [isExempt: boolean, isKept: boolean, fault: string])[]): string[] {
  return rules.filter(([isExempt, isKept]) => !isExempt && !isKept).map(([, , fault]) => fault);
}
