import { assert } from '#kernel/assert.ts';

/** A message to one recipient. */
export interface MailMessage {
  /** The sender, for the envelope and the `From` header field. */
  readonly from: { readonly name: string; readonly address: string };
  /** One canonical, stored address: never a list, never unvalidated input. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** With angle brackets. All attempts have the same one, so that mail servers can detect duplicates. */
  readonly messageId: string;
  readonly date: Date;
}

/**
 * The outcome of an attempt.
 * `reply` is the SMTP server's reply and `reason` a kind of error; neither contains addresses, links or secrets.
 */
export type SendOutcome =
  | { readonly kind: 'accepted'; readonly code: number; readonly reply: string }
  /** The server rejected this message. `permanent`: it would reject the message again (RFC 5321 §4.2.1). */
  | { readonly kind: 'refused'; readonly code: number; readonly reply: string; readonly permanent: boolean }
  /** Not delivered: no reply to this message, and its end was not sent. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Possibly delivered: no reply, and the end of the message may have been sent. */
  | { readonly kind: 'in_doubt'; readonly reason: string }
  /** Not attempted: the circuit is open. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };

export interface MailTransport {
  /** Never throws for failures of the server or the network. */
  send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome>;
  /** Seconds until the next attempt is possible; 0 means now. The mail job checks it before it records an attempt. */
  unavailableForSeconds(): number;
  close(): Promise<void>;
}

const address = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9.-]+$/;
const messageId = /^<[A-Za-z0-9.-]+@[a-z0-9.-]+>$/;

/**
 * Rejects fields that could inject a recipient or a header. These are assertions, because addresses are canonical and
 * subjects come from our message catalogs: a violation is a bug.
 */
export function assertSafe(message: MailMessage): void {
  assert(address.test(message.to), 'the recipient is not one canonical address');
  assert(address.test(message.from.address), 'the sender is not one address');
  assert(messageId.test(message.messageId), 'the Message-ID is malformed');
  assert(!/\p{Cc}/u.test(message.subject), 'the subject contains a control character');
  assert(!/\p{Cc}/u.test(message.from.name), 'the sender name contains a control character');
}
