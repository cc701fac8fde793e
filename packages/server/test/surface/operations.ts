/**
 * Every operation of the public listener as it is meant to be: reviewed by hand, never computed from the declarations.
 * An operation without a row here fails the test of the whole surface; so does a row without an operation.
 */

/** Who may call it, and what it takes. */
export interface ExpectedOperation {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly kind: 'api' | 'page' | 'document';
  readonly auth: 'public' | 'session';
  /** The classes of REQUIREMENTS B1. */
  readonly rateLimit: 'public' | 'credential' | 'mail' | 'authenticated' | 'none';
  /** A body that its schema accepts; each text in it is made wrong in turn. */
  readonly body?: Readonly<Record<string, string>>;
  /** The same for a page's form. */
  readonly form?: Readonly<Record<string, string>>;
  /** A query that its schema accepts. */
  readonly query?: string;
  /** Members of `body` that may be left out. */
  readonly optional?: readonly string[];
}

const anyToken = `lk_ot_${'A'.repeat(49)}`;
const email = 'nobody@people.example';
const password = 'correct horse battery';

export const expectedOperations: readonly ExpectedOperation[] = [
  {
    id: 'register.person',
    method: 'POST',
    path: '/api/v1/auth/register',
    kind: 'api',
    auth: 'public',
    rateLimit: 'mail',
    body: { email, password, name: 'Nobody', locale: 'en' },
    optional: ['locale'],
  },
  {
    id: 'verify_email.press',
    method: 'POST',
    path: '/api/v1/auth/verify-email',
    kind: 'api',
    auth: 'public',
    rateLimit: 'public',
    body: { token: anyToken, password },
    optional: ['password'],
  },
  {
    id: 'verify_email.press_by_get',
    method: 'GET',
    path: '/api/v1/auth/verify-email',
    kind: 'api',
    auth: 'public',
    rateLimit: 'public',
    query: `token=${anyToken}`,
  },
  {
    id: 'verify_email.resend',
    method: 'POST',
    path: '/api/v1/auth/resend-verification',
    kind: 'api',
    auth: 'public',
    rateLimit: 'mail',
    body: { email },
  },
  {
    id: 'login.password',
    method: 'POST',
    path: '/api/v1/auth/login',
    kind: 'api',
    auth: 'public',
    rateLimit: 'credential',
    body: { email, password, transport: 'token', deviceToken: 'x' },
    optional: ['transport', 'deviceToken'],
  },
  {
    id: 'refresh.rotate',
    method: 'POST',
    path: '/api/v1/auth/refresh',
    kind: 'api',
    auth: 'public',
    rateLimit: 'public',
    body: { refreshToken: `lk_rt_${'A'.repeat(49)}` },
  },
  {
    id: 'logout.this_session',
    method: 'POST',
    path: '/api/v1/auth/logout',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'logout.everywhere',
    method: 'POST',
    path: '/api/v1/auth/logout-all',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'session.check',
    method: 'GET',
    path: '/api/v1/auth/session',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'session.token',
    method: 'POST',
    path: '/api/v1/auth/token',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'profile.read',
    method: 'GET',
    path: '/api/v1/users/me',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'sessions.list',
    method: 'GET',
    path: '/api/v1/users/me/sessions',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'sessions.end_others',
    method: 'DELETE',
    path: '/api/v1/users/me/sessions',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'sessions.end_one',
    method: 'DELETE',
    path: '/api/v1/users/me/sessions/{id}',
    kind: 'api',
    auth: 'session',
    rateLimit: 'authenticated',
  },
  {
    id: 'keys.jwks',
    method: 'GET',
    path: '/.well-known/jwks.json',
    kind: 'document',
    auth: 'public',
    rateLimit: 'none',
  },
  { id: 'probes.live', method: 'GET', path: '/livez', kind: 'document', auth: 'public', rateLimit: 'none' },
  { id: 'probes.ready', method: 'GET', path: '/readyz', kind: 'document', auth: 'public', rateLimit: 'none' },
  { id: 'probes.health', method: 'GET', path: '/healthz', kind: 'document', auth: 'public', rateLimit: 'none' },
  { id: 'docs.openapi', method: 'GET', path: '/openapi.json', kind: 'document', auth: 'public', rateLimit: 'none' },
  {
    id: 'docs.stylesheet',
    method: 'GET',
    path: '/assets/latchkey.css',
    kind: 'document',
    auth: 'public',
    rateLimit: 'none',
  },
  { id: 'docs.reference', method: 'GET', path: '/docs', kind: 'page', auth: 'public', rateLimit: 'none' },
  { id: 'docs.problems', method: 'GET', path: '/docs/problems', kind: 'page', auth: 'public', rateLimit: 'none' },
  {
    id: 'dev.inbox',
    method: 'GET',
    path: '/dev/inbox',
    kind: 'page',
    auth: 'public',
    rateLimit: 'none',
    query: `to=${email}`,
  },
  {
    id: 'dev.inbox_messages',
    method: 'GET',
    path: '/dev/inbox/messages',
    kind: 'document',
    auth: 'public',
    rateLimit: 'none',
    query: `to=${email}`,
  },
  {
    id: 'verify_email.show',
    method: 'GET',
    path: '/verify-email',
    kind: 'page',
    auth: 'public',
    rateLimit: 'public',
    query: `token=${anyToken}`,
  },
  {
    id: 'verify_email.submit',
    method: 'POST',
    path: '/verify-email',
    kind: 'page',
    auth: 'public',
    rateLimit: 'public',
    form: { token: anyToken, choice: 'verify', password },
    optional: ['password'],
  },
];
