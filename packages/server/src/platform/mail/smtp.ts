import type { Readable } from 'node:stream';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { assertSafe, type MailMessage, type MailTransport, type SendOutcome } from './message.ts';
import { classifyError, readAcceptance } from './smtp-outcome.ts';
import type { SmtpServer } from './smtp-url.ts';

/** What may be set beside the server; the defaults are for production. */
export interface SmtpOptions {
  readonly server: SmtpServer;
  /** Connections at a time; 5 when not given. */
  readonly maxConnections?: number;
  /** From the look-up of the name to the end of the TLS handshake; 10,000 when not given. */
  readonly connectTimeoutMs?: number;
  /** Silence of the server until we hang up; 60,000 when not given. */
  readonly silenceTimeoutMs?: number;
  /** Trusted beside the system's authorities, PEM. */
  readonly certificateAuthority?: string;
}

/** A message on its way, with a note whether its end has left the renderer. */
interface Tracked extends SendMailOptions {
  readonly progress: { endReached: boolean };
}

/**
 * SMTP over a pool of connections.
 * RFC 5321 §4.5.3.2.6 asks to wait ten minutes for the answer to the final dot. We wait one: a message repeated because
 * of it carries the same Message-ID and link, while ten minutes of silence would hold a worker and the person.
 */
export class Smtp implements MailTransport {
  readonly #transporter: Transporter;

  constructor(options: SmtpOptions) {
    const { server, connectTimeoutMs = 10_000, silenceTimeoutMs = 60_000 } = options;
    this.#transporter = createTransport({
      pool: true,
      host: server.host,
      port: server.port,
      ...tlsSettings(server, options.certificateAuthority),
      ...(server.auth === null ? {} : { auth: server.auth }),
      maxConnections: options.maxConnections ?? 5,
      // An idle connection that the server closed is replaced once; a server that always hangs up is a failure.
      maxRequeues: 1,
      connectionTimeout: connectTimeoutMs,
      greetingTimeout: connectTimeoutMs,
      dnsTimeout: connectTimeoutMs,
      socketTimeout: silenceTimeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    this.#transporter.use('stream', (mail, done) => {
      const { progress } = mail.data as Tracked;
      mail.message.processFunc((output) => noteEnd(output, progress));
      done();
    });
  }

  async send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome> {
    assertSafe(message);
    const progress = { endReached: false };
    try {
      const info = await this.#transporter.sendMail(compose(message, progress, signal));
      return readAcceptance(info.response ?? '');
    } catch (error) {
      return classifyError(error, progress.endReached);
    }
  }

  /** Connects, greets, turns to TLS and logs in as it would for a message, and sends none; answers what went wrong. */
  async probe(): Promise<string | undefined> {
    try {
      await this.#transporter.verify();
      return undefined;
    } catch (error) {
      const outcome = classifyError(error, false);
      return outcome.kind === 'failed' ? outcome.reason : outcome.kind;
    }
  }

  unavailableForSeconds(): number {
    return 0;
  }

  /** Ends idle connections; messages under way get their answer first. */
  async close(): Promise<void> {
    this.#transporter.close();
  }
}

function tlsSettings(server: SmtpServer, certificateAuthority: string | undefined): object {
  const ca = certificateAuthority === undefined ? {} : { ca: certificateAuthority };
  switch (server.tls) {
    case 'implicit':
      return { secure: true, tls: ca };
    case 'required':
      return { secure: false, requireTLS: true, tls: ca };
    case 'opportunistic':
      // RFC 7435: without a check of the certificate it is still better than plain text.
      return { secure: false, opportunisticTLS: true, tls: { rejectUnauthorized: false } };
    case 'none':
      return { secure: false, ignoreTLS: true };
  }
}

/** Addresses are objects, so that nothing parses them as lists, groups or comments. */
function compose(message: MailMessage, progress: Tracked['progress'], signal: AbortSignal | undefined): Tracked {
  return {
    envelope: { from: message.from.address, to: [message.to] },
    from: message.from,
    to: { name: '', address: message.to },
    subject: message.subject,
    text: message.text,
    html: message.html,
    messageId: message.messageId,
    date: message.date,
    // RFC 3834 §5: no vacation notice should answer it.
    headers: { 'Auto-Submitted': 'auto-generated' },
    progress,
    ...(signal === undefined ? {} : { signal }),
  };
}

/**
 * Notes when the connection has read the last byte of the message. Only after that can the final dot go out, so what is
 * lost before is certainly not delivered, and what is lost after is in doubt.
 * It must be the connection's reading: the renderer fills its buffers long before the server asks for the message.
 */
function noteEnd<R extends Readable>(output: R, progress: Tracked['progress']): R {
  output.once('end', () => {
    progress.endReached = true;
  });
  return output;
}
