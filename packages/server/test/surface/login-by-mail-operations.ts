/** Rows of `operations.ts` for login by mail; reviewed by hand. */
import type { ExpectedOperation } from './expected-operation.ts';

const anyToken = `lk_ot_${'A'.repeat(49)}`;
const anyBrowser = `lk_lb_${'A'.repeat(49)}`;
const email = 'unknown@people.example';

export const byMailOperations: readonly ExpectedOperation[] = [
  {
    id: 'login.ask_link',
    method: 'POST',
    path: '/api/v1/auth/login/magic-link',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'mail',
    body: { email, transport: 'token' },
    optional: ['transport'],
  },
  {
    id: 'login.magic_link',
    method: 'POST',
    path: '/api/v1/auth/login/magic-link/verify',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'credential',
    body: { token: anyToken, browserToken: anyBrowser, transport: 'token', deviceToken: 'x' },
    optional: ['browserToken', 'transport', 'deviceToken'],
  },
  {
    id: 'login.ask_code',
    method: 'POST',
    path: '/api/v1/auth/login/email-code',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'mail',
    body: { email, transport: 'token' },
    optional: ['transport'],
  },
  {
    id: 'login.email_code',
    method: 'POST',
    path: '/api/v1/auth/login/email-code/verify',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'credential',
    body: { email, code: '123456', browserToken: anyBrowser, transport: 'token', deviceToken: 'x' },
    optional: ['browserToken', 'transport', 'deviceToken'],
  },
  {
    id: 'login.show_magic_link',
    method: 'GET',
    path: '/login/magic-link',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'pages',
    query: `token=${anyToken}`,
  },
  {
    id: 'login.submit_magic_link',
    method: 'POST',
    path: '/login/magic-link',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'credential',
    form: { token: anyToken },
  },
  {
    id: 'login.show_email_code',
    method: 'GET',
    path: '/login/email-code',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'pages',
    query: 'continue=%2Faccount',
  },
  {
    id: 'login.submit_email_code',
    method: 'POST',
    path: '/login/email-code',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'credential',
    form: { email, code: '123456' },
    optional: ['code'],
  },
];
