/**
 * HTTP: turns a list of endpoints into routes (`engine/`), checks of each request (`admission/`) and the reference: OpenAPI
 * and tables (`reference/`). Owns no table and no route: flows declare the endpoints.
 *
 * A request passes, in this order: load shedding, head (size, repeated headers), loopback, credential, cross-site protection,
 * rate limit, path parameters, query, body, the endpoint's handler, response schema.
 *
 * Invariants: undeclared input is rejected and undeclared output is dropped; every error response is a problem of the table
 * in `kernel/problem.ts`; only documents are cacheable; no URL is built from `Host`; logs and metrics contain a route's
 * pattern and never a path or a query; a cross-site request of a browser changes nothing, and no script of another origin
 * reads a response to a cookie.
 * It must not import `protocol`, `domain` or `pages`: parsers, authentication and layouts are passed in `ServerOptions`.
 */

export type { ParseJson } from './admission/body.ts';
export { refuseForeignCookies } from './admission/cors.ts';
export type { Presented } from './admission/credentials.ts';
export { formTokenSlot } from './admission/form-slot.ts';
export {
  type ApiEndpoint,
  type ApiResponse,
  type Auth,
  apiEndpoint,
  type Caller,
  type CookieChange,
  type CookieKind,
  type DocumentEndpoint,
  type DocumentResponse,
  documentEndpoint,
  type Endpoint,
  type HandlerInput,
  type PageEndpoint,
  type PageResponse,
  type Principal,
  type PrincipalKind,
  pageEndpoint,
  type RateLimitClass,
  type RefusedForm,
} from './endpoint.ts';
export { type ListenAddress, ListenFailed } from './engine/listeners.ts';
export { type ProblemDocument, problemPagePath } from './engine/problem-response.ts';
export { buildServer, type HttpServer } from './engine/server.ts';
export type { Authenticate, FormNotice, Limits, PageRenderer, ServerOptions } from './engine/server-options.ts';
export { Overload } from './overload.ts';
export { problemsOf } from './reference/derived-problems.ts';
export { exampleValues } from './reference/example-values.ts';
export { openApiDocument } from './reference/openapi.ts';
export { endpointTable, problemTable } from './reference/tables.ts';
