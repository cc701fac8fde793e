/** The expected operations of identity providers. Reviewed by hand, never computed from the declarations. */
import type { ExpectedOperation } from './expected-operation.ts';

const page = { kind: 'page', principals: ['public'], rateLimit: 'pages' } as const;
const account = { kind: 'page', principals: ['session'], rateLimit: 'pages' } as const;
const path = '/login/with/{provider}';
const connections = '/account/connections';
const identity = '01890000-0000-7000-8000-000000000000';

export const providerOperations: readonly ExpectedOperation[] = [
  {
    id: 'login.id_token_nonce',
    method: 'POST',
    path: '/api/v1/auth/login/id-token/nonce',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'public',
  },
  {
    id: 'login.id_token',
    method: 'POST',
    path: '/api/v1/auth/login/id-token',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'credential',
    body: { provider: 'none', idToken: 'x', nonce: 'x', email: 'unknown@people.example', deviceToken: 'x' },
    optional: ['email', 'deviceToken'],
  },
  { ...page, id: 'login.show_provider', method: 'GET', path },
  {
    ...page,
    id: 'login.submit_provider',
    method: 'POST',
    path,
    form: { continue: '/account' },
    optional: ['continue'],
  },
  {
    ...page,
    id: 'login.provider_callback',
    method: 'GET',
    path: `${path}/callback`,
    principals: ['public', 'session'],
    query: 'state=x&code=x',
  },
  {
    ...page,
    id: 'login.provider_form_callback',
    method: 'POST',
    path: `${path}/callback`,
    form: { state: 'x', code: 'x' },
    optional: ['code'],
    isForeignForm: true,
  },
  { ...page, id: 'login.show_provider_email', method: 'GET', path: `${path}/email` },
  {
    ...page,
    id: 'login.submit_provider_email',
    method: 'POST',
    path: `${path}/email`,
    rateLimit: 'mail',
    form: { email: 'unknown@people.example' },
  },
  { ...account, id: 'identities.show_link', method: 'GET', path: '/login/link', stepUp: true },
  { ...account, id: 'identities.submit_link', method: 'POST', path: '/login/link', stepUp: 'form', form: { identity } },
  { ...account, id: 'identities.show_connect', method: 'GET', path: `${connections}/connect`, stepUp: true },
  {
    ...account,
    id: 'identities.submit_connect',
    method: 'POST',
    path: `${connections}/connect`,
    stepUp: 'form',
    form: { provider: 'none' },
  },
  { ...account, id: 'identities.show', method: 'GET', path: connections },
  {
    ...account,
    id: 'identities.show_disconnect',
    method: 'GET',
    path: `${connections}/disconnect`,
    stepUp: true,
    query: `id=${identity}`,
  },
  {
    ...account,
    id: 'identities.submit_disconnect',
    method: 'POST',
    path: `${connections}/disconnect`,
    stepUp: 'form',
    form: { id: identity },
  },
  {
    id: 'identities.list',
    method: 'GET',
    path: '/api/v1/users/me/identities',
    kind: 'api',
    principals: ['session'],
    rateLimit: 'authenticated',
  },
  {
    id: 'identities.remove',
    method: 'DELETE',
    path: '/api/v1/users/me/identities/{id}',
    kind: 'api',
    principals: ['session'],
    stepUp: true,
    rateLimit: 'authenticated',
  },
];
