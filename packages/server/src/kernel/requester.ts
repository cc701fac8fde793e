/**
 * The requester: the source of a request, as audit events, sessions and mails record it. It has no HTTP types, so that
 * domain modules can take it.
 */

/** Created per request by the HTTP layer, whose `Caller` extends it. */
export interface Requester {
  /** Client address: the rightmost untrusted hop (invariant 7). */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** Correlates log lines and outbound requests. */
  readonly requestId: string;
}

/** The personal data of a requester. Stored only encrypted with the user's key. */
export type ClientInfo = { readonly address: string; readonly userAgent: string };

/** A missing `User-Agent` becomes an empty string. */
export function clientInfoOf({ address, userAgent = '' }: Omit<Requester, 'requestId'>): ClientInfo {
  return { address, userAgent };
}
