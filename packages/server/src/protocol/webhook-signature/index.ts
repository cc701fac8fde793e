/**
 * Signatures of Standard Webhooks 1.0: what we send to a service of the operator's, it can tell from anybody else's.
 * Owns no table.
 * Invariants: id, time and body are all signed, so that none can be exchanged for another's; the body is signed as the
 * bytes that are sent.
 */
import { createHmac, type KeyObject } from 'node:crypto';

/** What is signed. */
export interface SignedMessage {
  /** The same when the same message is sent again; without a dot, which separates the parts. */
  readonly id: string;
  readonly sentAt: Date;
  readonly body: string;
}

/** The three header fields of a message. Receivers refuse a time that is more than five minutes off. */
export function webhookHeaders({ id, sentAt, body }: SignedMessage, key: KeyObject) {
  const seconds = String(Math.floor(sentAt.getTime() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${signature}` };
}
