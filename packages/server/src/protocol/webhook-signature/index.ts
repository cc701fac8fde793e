/**
 * Signatures of Standard Webhooks 1.0, by which an operator's service authenticates our requests.
 * Invariants: the signature covers id, timestamp and body, so that none of them can be replaced; it covers the exact
 * bytes that are sent.
 */
import { createHmac, type KeyObject } from 'node:crypto';

export interface SignedMessage {
  /** Unchanged when the message is sent again. It must not contain a dot, which separates the signed parts. */
  readonly id: string;
  readonly sentAt: Date;
  readonly body: string;
}

/** Returns the three header fields of a message. Receivers reject a timestamp that is more than five minutes off. */
export function webhookHeaders({ id, sentAt, body }: SignedMessage, key: KeyObject) {
  const seconds = String(Math.floor(sentAt.getTime() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${signature}` };
}
