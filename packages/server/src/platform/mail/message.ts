import { assert } from '#kernel/assert.ts';

/** One message to one person. */
export interface MailMessage {
  /** The sender's address, in the envelope and in `From`. */
  readonly from: { readonly name: string; readonly address: string };
  /** The one stored address; never a list, never a text that somebody just sent. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** With angle brackets; the same for every attempt, so that a mailbox can fold a repeated message. */
  readonly messageId: string;
  readonly date: Date;
}

/**
 * What became of an attempt.
 * `reply` is the server's answer and `reason` the kind of error, both free of addresses, links and secrets.
 */
export type SendOutcome =
  | { readonly kind: 'accepted'; readonly code: number; readonly reply: string }
  /** The server answered no to this message. `permanent`: the same message would be refused again (RFC 5321 §4.2.1). */
  | { readonly kind: 'refused'; readonly code: number; readonly reply: string; readonly permanent: boolean }
  /** No answer about this message, and its end had not been sent: it is not delivered. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** No answer after the end of the message may have been sent: it may be delivered. */
  | { readonly kind: 'in_doubt'; readonly reason: string }
  /** The server is known to be away: nothing was tried. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };

/** How messages leave. */
export interface MailTransport {
  /** Never throws for what the server or the network does. */
  send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome>;
  /** Seconds until trying makes sense; 0 now. Asked before an attempt is written down, and by the readiness check. */
  unavailableForSeconds(): number;
  close(): Promise<void>;
}

const address = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9.-]+$/;
const messageId = /^<[A-Za-z0-9.-]+@[a-z0-9.-]+>$/;

/**
 * Refuses what could become another recipient or another header. Nothing that reaches this is expected to, so it is an
 * assertion: addresses are canonical ones, and subjects come from our catalogues.
 */
export function assertSafe(message: MailMessage): void {
  assert(address.test(message.to), 'the recipient is not one canonical address');
  assert(address.test(message.from.address), 'the sender is not one address');
  assert(messageId.test(message.messageId), 'the Message-ID is malformed');
  assert(!/\p{Cc}/u.test(message.subject), 'the subject holds a control character');
  assert(!/\p{Cc}/u.test(message.from.name), 'the sender name holds a control character');
}
