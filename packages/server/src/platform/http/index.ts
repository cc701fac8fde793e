/**
 * HTTP: a list of endpoints becomes routes, OpenAPI, documentation and an in-process `fetch` (ARCHITECTURE.md).
 * Owns no table.
 * Invariants: an endpoint never sees the engine; what is not declared is refused on the way in and dropped on the way
 * out; every refusal is a problem document of the one table; nothing is cached unless a document says so; no URL is
 * built from `Host`; the log and the metrics know a route's pattern and never its path or query; what a browser sends for
 * a page of somebody else writes nothing, and nobody else's script reads what a cookie opens.
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
  documentEndpoint,
  type Endpoint,
  type HandlerInput,
  type PageEndpoint,
  type PageResponse,
  type Principal,
  type PrincipalKind,
  pageEndpoint,
  type RateLimitClass,
} from './endpoint.ts';
export { type ListenAddress, ListenFailed } from './engine/listeners.ts';
export { type ProblemDocument, problemPagePath } from './engine/problem-response.ts';
export { buildServer, type HttpServer } from './engine/server.ts';
export type { Authenticate, Limits, PageRenderer, ServerOptions } from './engine/server-options.ts';
export { problemsOf } from './reference/derived-problems.ts';
export { exampleValues } from './reference/example-values.ts';
export { openApiDocument } from './reference/openapi.ts';
export { endpointTable, problemTable } from './reference/tables.ts';
