/** Results of an outbound request. Failures are values, because an external service may fail at any time. */

/** The reason why no request was sent: the URL or a resolved address is not allowed. */
export type Refusal =
  | 'malformed_url'
  | 'scheme_not_allowed'
  | 'credentials_in_url'
  | 'port_not_allowed'
  | 'address_not_allowed';

/** The reason why there is no response. */
export type Failure =
  /** The host name has no address. */
  | 'unresolved'
  /** No connection was established; nothing was sent. */
  | 'unreachable'
  /** The TLS handshake failed: the certificate is for another name, has expired, or has no trusted issuer. */
  | 'untrusted'
  /** The request's total time has passed. */
  | 'timeout'
  /** The connection was closed before the response was complete. */
  | 'broken'
  /** The response is not HTTP, or its header fields exceed the limit. */
  | 'malformed'
  /** The body exceeds the limit. */
  | 'too_large'
  /** The body has a content coding, although we accept `identity` only. */
  | 'encoded'
  /** The circuit breaker of the service is open; nothing was sent. */
  | 'circuit_open'
  /** Too many of our own requests are in progress; nothing was sent. */
  | 'overloaded';

export type NoResponse =
  | { readonly kind: 'refused'; readonly reason: Refusal }
  | { readonly kind: 'failed'; readonly reason: Failure };

/** A response of any status. Redirects are returned like other responses and never followed. */
export interface OutboundResponse {
  readonly kind: 'answered';
  readonly status: number;
  /** By lower-case name; several lines of a field are joined with commas; `set-cookie` is omitted. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type OutboundResult = OutboundResponse | NoResponse;
