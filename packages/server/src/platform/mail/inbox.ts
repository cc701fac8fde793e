import { assertSafe, type MailMessage, type MailTransport, type SendOutcome } from './message.ts';

/** A message as the development inbox shows it. */
export interface InboxMessage {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly receivedAt: string;
  /** Every http and https address in the text, in order. */
  readonly links: readonly string[];
}

/** The built-in inbox: messages stay in memory, the newest first, and end with the process. */
export class Inbox implements MailTransport {
  readonly #capacity: number;
  readonly #messages: InboxMessage[] = [];

  /** @param capacity messages kept; the oldest go first. */
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

  /** The newest first; of one recipient when `to` is given. */
  list(to?: string): readonly InboxMessage[] {
    if (to === undefined) return [...this.#messages];
    const wanted = to.toLowerCase();
    return this.#messages.filter((message) => message.to === wanted);
  }

  unavailableForSeconds(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#messages.length = 0;
    return Promise.resolve();
  }
}
