/**
 * HTTP: a list of endpoints becomes routes, OpenAPI, documentation and an in-process `fetch` (DESIGN §4, §7).
 * Owns no table.
 * Invariants: an endpoint never sees the engine; what is not declared is refused on the way in and dropped on the way
 * out; every refusal is a problem document of the one table; nothing is cached unless a document says so; no URL is
 * built from `Host`; the log and the metrics know a route's pattern and never its path or query; what a browser sends for
 * a page of somebody else writes nothing, and nobody else's script reads what a cookie opens.
 */
export type { Presented } from './admission.ts';
export type { ParseJson } from './body.ts';
export { refuseForeignCookies } from './cors.ts';
export { documentationEndpoints } from './documentation.ts';
export {
  type ApiAnswer,
  type ApiEndpoint,
  type Auth,
  apiEndpoint,
  type Caller,
  type CookieChange,
  type CookieKind,
  type DocumentEndpoint,
  documentEndpoint,
  type Endpoint,
  type HandlerInput,
  type PageAnswer,
  type PageEndpoint,
  type Principal,
  pageEndpoint,
  type RateLimitClass,
} from './endpoint.ts';
export { type ListenAddress, ListenFailed } from './listeners.ts';
export { openApiDocument } from './openapi.ts';
export { buildServer, type HttpServer } from './server.ts';
export { endpointTable, problemTable } from './tables.ts';
export type { Authenticate, Limits, ServerOptions } from './transport.ts';
