import type { Readable } from 'node:stream';
import type { SendMailOptions, Transporter } from 'nodemailer';
import { inSpan } from '#platform/telemetry/index.ts';
import { assertSafe, type MailMessage, type MailTransport, type SendOutcome } from './message.ts';
import { classifyError, readAcceptance } from './smtp-outcome.ts';
import type { SmtpServer } from './smtp-server.ts';

export interface SmtpOptions {
  readonly server: SmtpServer;
  /** The name of this client in EHLO; relays reject `[127.0.0.1]`, which nodemailer sends without it. */
  readonly ehloName?: string;
  /** Concurrent connections; 5 by default. */
  readonly maxConnections?: number;
  /** Limit for the DNS look-up, for connecting and for the greeting, each; 10,000 by default. */
  readonly connectTimeoutMs?: number;
  /** The connection is closed when the server is silent for this long; 60,000 by default. */
  readonly silenceTimeoutMs?: number;
  /**
   * Limit for a whole message, with its wait for a connection; 300,000 by default. A server that sends a byte now and
   * then is never silent, and would hold its messages and connections forever.
   */
  readonly messageTimeoutMs?: number;
}

/** The defaults for a mail server. */
export const smtpLimits = { connectMs: 10_000, silenceMs: 60_000, messageMs: 300_000 } as const;

/** nodemailer's message, with whether the connection has read its last byte. */
interface Tracked extends SendMailOptions {
  readonly progress: { endReached: boolean };
}

/** The connections to one server, and how many messages use them. */
interface Pool {
  readonly transporter: Promise<Transporter>;
  messages: number;
}

/**
 * SMTP over a pool of connections.
 * RFC 5321 §4.5.3.2.6 recommends to wait ten minutes for the reply to the final dot. We wait one: a repeated message has
 * the same Message-ID and link, while ten minutes would block a worker and delay the user.
 */
export class Smtp implements MailTransport {
  readonly #options: SmtpOptions;
  readonly #messageTimeoutMs: number;
  #pool: Pool;

  constructor(options: SmtpOptions) {
    this.#options = options;
    this.#messageTimeoutMs = options.messageTimeoutMs ?? smtpLimits.messageMs;
    this.#pool = { transporter: openTransporter(options), messages: 0 };
  }

  /** Sends later messages to another server, or with another password. Messages in progress finish where they began. */
  async useServer(server: SmtpServer): Promise<void> {
    const before = this.#pool;
    this.#pool = { transporter: openTransporter({ ...this.#options, server }), messages: 0 };
    await this.#closeUnused(before);
  }

  /** Closing rejects messages that the pool has not begun to send. */
  async #closeUnused(pool: Pool): Promise<void> {
    if (pool !== this.#pool && pool.messages === 0) (await pool.transporter).close();
  }

  async send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome> {
    assertSafe(message);
    return inSpan(['client', 'smtp.send', {}], async (span) => {
      const outcome = await this.#send(message, signal);
      span?.set({ 'latchkey.outcome': outcome.kind, ...('code' in outcome && { 'smtp.reply_code': outcome.code }) });
      return outcome;
    });
  }

  async #send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome> {
    const progress = { endReached: false };
    const deadline = AbortSignal.timeout(this.#messageTimeoutMs);
    const ends = signal === undefined ? [deadline] : [deadline, signal];
    const pool = this.#pool;
    pool.messages += 1;
    try {
      const info = await (await pool.transporter).sendMail(compose(message, progress, AbortSignal.any(ends)));
      return readAcceptance(info.response ?? '');
    } catch (error) {
      const isLate = deadline.aborted && signal?.aborted !== true;
      return classifyError(isLate ? lateError() : error, progress.endReached);
    } finally {
      pool.messages -= 1;
      await this.#closeUnused(pool);
    }
  }

  /** Connects, starts TLS and logs in without sending a message. Returns the reason of a failure. */
  async probe(): Promise<string | undefined> {
    try {
      await (await this.#pool.transporter).verify();
      return undefined;
    } catch (error) {
      const outcome = classifyError(error, false);
      return outcome.kind === 'failed' ? outcome.reason : outcome.kind;
    }
  }

  unavailableForSeconds(): number {
    return 0;
  }

  /** Closes idle connections at once, and busy ones when their message has got its reply. */
  async close(): Promise<void> {
    (await this.#pool.transporter).close();
  }
}

/** Loads nodemailer only where a mail server is configured, because it delays the start. */
async function openTransporter(options: SmtpOptions): Promise<Transporter> {
  const { server, connectTimeoutMs = smtpLimits.connectMs, silenceTimeoutMs = smtpLimits.silenceMs } = options;
  const { createTransport } = await import('nodemailer');
  const transporter = createTransport({
    pool: true,
    host: server.host,
    port: server.port,
    ...tlsSettings(server),
    ...(options.ehloName === undefined ? {} : { name: options.ehloName }),
    ...(server.auth === null ? {} : { auth: server.auth }),
    maxConnections: options.maxConnections ?? 5,
    // An idle connection that the server closed is replaced once; a second lost connection is a failure.
    maxRequeues: 1,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    socketTimeout: silenceTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  transporter.use('stream', (mail, done) => {
    const { progress } = mail.data as Tracked;
    mail.message.processFunc((output) => trackEnd(output, progress));
    done();
  });
  return transporter;
}

function lateError(): Error {
  return Object.assign(new Error('the message took too long'), { code: 'ETIMEDOUT', command: 'the whole message' });
}

function tlsSettings(server: SmtpServer): object {
  switch (server.tls) {
    case 'implicit':
      return { secure: true };
    case 'required':
      return { secure: false, requireTLS: true };
    case 'opportunistic':
      // RFC 7435: TLS without certificate validation still prevents passive eavesdropping.
      return { secure: false, opportunisticTLS: true, tls: { rejectUnauthorized: false } };
    case 'none':
      return { secure: false, ignoreTLS: true };
  }
}

/** Passes addresses as objects, so that nodemailer does not parse them as lists, groups or comments. */
function compose(message: MailMessage, progress: Tracked['progress'], signal: AbortSignal): Tracked {
  return {
    envelope: { from: message.from.address, to: [message.to] },
    // nodemailer writes into it, and the sender of the configuration is frozen.
    from: { ...message.from },
    to: { name: '', address: message.to },
    subject: message.subject,
    text: message.text,
    html: message.html,
    messageId: message.messageId,
    date: message.date,
    // RFC 3834 §5: suppresses automatic replies.
    headers: { 'Auto-Submitted': 'auto-generated' },
    progress,
    signal,
  };
}

/**
 * Records when the connection has read the last byte of the message. The final dot can be sent only after that, so a
 * message whose connection is lost earlier is certainly not delivered, and one lost later is in doubt.
 * It must observe the connection's reads, because the renderer fills its buffers before the server accepts DATA.
 */
function trackEnd<R extends Readable>(output: R, progress: Tracked['progress']): R {
  output.once('end', () => {
    progress.endReached = true;
  });
  return output;
}
