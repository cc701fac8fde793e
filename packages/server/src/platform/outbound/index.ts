/**
 * The HTTP client for every URL that comes from a setting or a user (invariant 10). No other code may send requests to
 * such URLs, except `platform/secret-stores`, which runs before the settings are complete and has rules of its own for
 * destinations; it sends by the same `exchange`.
 * Invariants: a host name is resolved once, all of its addresses are checked, and the connection goes to one of them; by
 * default only global addresses over https are allowed; redirects are not followed; time, body, header fields and
 * concurrency are limited; certificates are always validated; a request reuses no connection, cookie or proxy; bodies are
 * not decompressed.
 */
export type { OutboundPolicy } from './destination.ts';
export { exchange } from './exchange.ts';
export {
  type JsonResult,
  Outbound,
  type OutboundObservation,
  type OutboundOptions,
  type OutboundRequest,
  outboundLimits,
} from './outbound.ts';
export type { Failure, OutboundResponse, OutboundResult, Refusal } from './result.ts';
