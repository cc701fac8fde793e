/** Who sent a request, as audit events, sessions and mails record it. Free of HTTP types, so that domain modules can take it. */

/** The source of a request. Owned by the HTTP layer, which extends it with what only endpoints need. */
export interface Requester {
  /** The client address: the right-most untrusted hop (RFC 7239 §5.2 explains why the left-most is not reliable). */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** Correlates the request with log lines and outbound calls. */
  readonly requestId: string;
}

/** The personal part of a requester. Stored only sealed under the user's key. */
export type ClientInfo = { readonly address: string; readonly userAgent: string };

/** The client information of a requester; a missing `User-Agent` is stored as an empty string. */
export function clientInfoOf({ address, userAgent = '' }: Omit<Requester, 'requestId'>): ClientInfo {
  return { address, userAgent };
}
