/** What an outbound request comes to. None of it is an exception: the other side is somebody else's. */

/** Why nothing was asked: the URL, or what its name resolved to, is not ours to connect to. */
export type Refusal =
  | 'malformed_url'
  | 'scheme_not_allowed'
  | 'credentials_in_url'
  | 'port_not_allowed'
  | 'address_not_allowed';

/** Why there is no answer. */
export type Failure =
  /** The name has no address. */
  | 'unresolved'
  /** No connection could be made; nothing was sent. */
  | 'unreachable'
  /** TLS failed: the certificate is not valid for the name, has expired, or nobody we trust signed it. */
  | 'untrusted'
  /** Longer than the request's time in all. */
  | 'timeout'
  /** The connection ended before the answer did. */
  | 'broken'
  /** Not HTTP, or header fields beyond the limit. */
  | 'malformed'
  /** A body beyond the limit. */
  | 'too_large'
  /** A content coding that we did not ask for. */
  | 'encoded'
  /** The service failed several times in a row and is left alone for a while. */
  | 'circuit_open'
  /** Too many of our own requests are under way. */
  | 'overloaded';

/** No answer. */
export type Unanswered =
  | { readonly kind: 'refused'; readonly reason: Refusal }
  | { readonly kind: 'failed'; readonly reason: Failure };

/** Whatever status it has: redirects are answers like any other, and never followed. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  /** By lower-case name, lines of one name joined with commas; cookies are left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type OutboundResult = Answered | Unanswered;
