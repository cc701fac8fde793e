import { assertSafe, type MailMessage, type MailTransport, type SendOutcome } from './message.ts';

/** A message as `/dev/inbox/messages` returns it. */
export interface InboxMessage {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly receivedAt: string;
  /** The http and https URLs of the text part, in order. */
  readonly links: readonly string[];
}

/** The development inbox. Messages are kept in memory only. */
export class Inbox implements MailTransport {
  readonly #capacity: number;
  readonly #messages: InboxMessage[] = [];

  /** @param capacity the number of messages kept; older ones are dropped. */
  constructor(capacity = 1_000) {
    this.#capacity = capacity;
  }

  send(message: MailMessage): Promise<SendOutcome> {
    assertSafe(message);
    const { to, subject, text, html, messageId, date } = message;
    const links = text.match(/https?:\/\/[^\s<>"]+/g) ?? [];
    this.#messages.unshift({ to, subject, text, html, messageId, receivedAt: date.toISOString(), links });
    if (this.#messages.length > this.#capacity) this.#messages.pop();
    return Promise.resolve({ kind: 'accepted', code: 250, reply: '250 kept in the inbox' });
  }

  /** Messages newest first; with `to`, those of one recipient. */
  list(to?: string): readonly InboxMessage[] {
    if (to === undefined) return [...this.#messages];
    const recipient = to.toLowerCase();
    return this.#messages.filter((message) => message.to === recipient);
  }

  unavailableForSeconds(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#messages.length = 0;
    return Promise.resolve();
  }
}
