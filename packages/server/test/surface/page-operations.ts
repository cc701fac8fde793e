/** The expected pages of signing in and of the account. Reviewed by hand, never computed from the declarations. */
import type { ExpectedOperation } from './expected-operation.ts';

const anyLogin = '01890000-0000-7000-8000-000000000000';

const login: readonly ExpectedOperation[] = [
  {
    id: 'login.show',
    method: 'GET',
    path: '/login',
    kind: 'page',
    principals: ['public', 'session'],
    rateLimit: 'pages',
    query: 'continue=%2Faccount',
  },
  {
    id: 'login.submit',
    method: 'POST',
    path: '/login',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'credential',
    form: { email: 'unknown@people.example', password: 'correct horse battery' },
    optional: ['password'],
  },
  {
    id: 'login.show_second_factor',
    method: 'GET',
    path: '/login/second-factor',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'pages',
  },
  {
    id: 'login.submit_second_factor',
    method: 'POST',
    path: '/login/second-factor',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'credential',
    form: { login: anyLogin, code: '000000' },
  },
  {
    id: 'login.show_recovery_code',
    method: 'GET',
    path: '/login/recovery-code',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'pages',
  },
  {
    id: 'login.submit_recovery_code',
    method: 'POST',
    path: '/login/recovery-code',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'credential',
    form: { login: anyLogin, recoveryCode: '000000-000000-000000-000000' },
  },
  {
    id: 'login.show_cancel_deletion',
    method: 'GET',
    path: '/login/cancel-deletion',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'pages',
  },
  {
    id: 'login.submit_cancel_deletion',
    method: 'POST',
    path: '/login/cancel-deletion',
    kind: 'page',
    principals: ['public'],
    rateLimit: 'pages',
    form: { login: anyLogin },
  },
];

const account: readonly ExpectedOperation[] = [
  {
    id: 'logout.show',
    method: 'GET',
    path: '/logout',
    kind: 'page',
    principals: ['session'],
    rateLimit: 'pages',
  },
  {
    id: 'logout.submit',
    method: 'POST',
    path: '/logout',
    kind: 'page',
    principals: ['session'],
    rateLimit: 'pages',
    form: { act: 'this' },
  },
  {
    id: 'account.show',
    method: 'GET',
    path: '/account',
    kind: 'page',
    principals: ['session'],
    rateLimit: 'pages',
  },
];

export const pageOperations: readonly ExpectedOperation[] = [...login, ...account];
