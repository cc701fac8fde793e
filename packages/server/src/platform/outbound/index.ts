/**
 * The one client for every URL that came from a person, a tenant or a setting (invariant 10). Owns no table.
 * Invariants: a name is resolved once, all of its addresses are checked, and the connection goes to one of them and
 * nowhere else; without the caller's say only global addresses over https are asked; redirects are answers and never
 * followed; time, answer, header fields and concurrency have caps; a certificate that does not fit its name is a failure;
 * no cookie, proxy or connection of an earlier request comes along; nothing is decompressed.
 */
export type { Failure, OutboundResult, Refusal } from './answer.ts';
export type { OutboundPolicy } from './destination.ts';
export {
  type JsonResult,
  Outbound,
  type OutboundObservation,
  type OutboundOptions,
  type OutboundRequest,
} from './outbound.ts';
