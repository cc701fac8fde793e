/** What the head of every answer must keep beyond the headers that stand on all of them. */
import type { ReadResponse } from './response-checks.ts';

/** Everything that may be in the head of an answer: written by hand, so that a new header is looked at once. */
const known: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'allow',
  'cache-control',
  'clear-site-data',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
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

/** Where a browser may be told to forget (ARCHITECTURE.md): logging out, and closing the account. */
const loggingOut: ReadonlySet<string> = new Set(['/api/v1/auth/logout', '/api/v1/auth/logout-all', '/api/v1/users/me']);

/** Our cookies: over https they are bound to the host. */
const cookie =
  /^(__Host-)?latchkey(?:[_-](?:session|device|form|login))?=[\w.-]*; Path=\/; HttpOnly; SameSite=Lax(; Secure)?(?:; Max-Age=0|; Expires=[^;]+ GMT)?$/;

/** All that is wrong with a head. */
export function headFaults(path: string, answer: ReadResponse): string[] {
  const unknown = [...answer.headers.keys()].filter((name) => !known.has(name));
  return [
    ...unknown.map((name) => `the header ${name} is not known`),
    ...cookieFaults(answer),
    ...limitFaults(answer),
    ...placeFaults(path, answer),
  ];
}

function cookieFaults({ headers }: ReadResponse): string[] {
  return headers.getSetCookie().flatMap((line) => {
    const match = cookie.exec(line);
    if (match === null) return [`a cookie that is none of ours: ${line.replace(/=[^;]*/, '=…')}`];
    return (match[1] === undefined) === (match[2] === undefined) ? [] : ['__Host- and Secure do not come together'];
  });
}

/** draft-ietf-httpapi-ratelimit-headers; what refuses says until when. */
function limitFaults({ status, headers }: ReadResponse): string[] {
  const [policy, told] = [headers.get('ratelimit-policy'), headers.get('ratelimit')];
  const retryAfter = headers.get('retry-after');
  const mustWait = status === 429 || retryAfter !== null;
  return broken([
    [policy === null && told === null, areLimits(policy ?? '', told ?? ''), `RateLimit is ${told} of ${policy}`],
    [!mustWait, /^[1-9]\d*$/.test(retryAfter ?? ''), `Retry-After is ${retryAfter}`],
  ]);
}

function areLimits(policy: string, told: string): boolean {
  const name = /^"([a-z-]+)";q=\d+;w=\d+$/.exec(policy)?.[1];
  return name !== undefined && /^"([a-z-]+)";r=\d+;t=\d+$/.exec(told)?.[1] === name;
}

function placeFaults(path: string, { status, headers }: ReadResponse): string[] {
  const isRedirect = status >= 300 && status < 400;
  return broken([
    [!headers.has('clear-site-data'), loggingOut.has(path), 'Clear-Site-Data'],
    [!headers.has('www-authenticate'), status === 401, 'WWW-Authenticate'],
    [!headers.has('allow'), status === 405 || status === 204, 'Allow'],
    [!headers.has('location') && !isRedirect, headers.has('location') && isRedirect, `Location on ${status}`],
    [!headers.has('access-control-allow-credentials'), headers.get('access-control-allow-origin') !== '*', 'open CORS'],
  ]);
}

/** Rules that hold because they do not concern the answer, or because it keeps them. */
function broken(rules: readonly (readonly [doesNotConcern: boolean, isKept: boolean, fault: string])[]): string[] {
  return rules.filter(([doesNotConcern, isKept]) => !doesNotConcern && !isKept).map(([, , fault]) => fault);
}
