import { once } from 'node:events';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { type MailMessage, readMessage } from './mail-message.ts';

/** One delivery attempt as the receiving side recorded it. */
export type SinkLine = MailMessage & {
  /** Starts at 1, in the order of the verdicts. */
  readonly number: number;
  readonly to: string;
  readonly verdict: 'accepted' | 'refused';
};

export type SinkOptions = {
  /** Rejects every attempt whose number is a multiple of this with 451, after the message was sent. */
  readonly refuseEvery?: number;
};

/** An SMTP server with its own log. */
export type SmtpSink = {
  readonly url: string;
  /** One line for each attempt that transferred the message. */
  readonly lines: readonly SinkLine[];
  /** The messages accepted for an address in any case, oldest first. */
  acceptedFor(to: string): SinkLine[];
  close(): Promise<void>;
};

/** Starts an SMTP server on a free port of 127.0.0.1. */
export async function startSmtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const lines: SinkLine[] = [];
  const byRecipient = new Map<string, SinkLine[]>();

  const record = (message: MailMessage, to: string): SinkLine => {
    const number = lines.length + 1;
    const isRefused = options.refuseEvery !== undefined && number % options.refuseEvery === 0;
    const line: SinkLine = { ...message, to, number, verdict: isRefused ? 'refused' : 'accepted' };
    lines.push(line);
    const key = to.toLowerCase();
    if (!isRefused) byRecipient.set(key, [...(byRecipient.get(key) ?? []), line]);
    return line;
  };

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    // Clients keep idle connections open, which would delay the stop.
    closeTimeout: 100,
    onData: (stream, session, reply) => {
      void readAll(stream).then((raw) => {
        const line = record(readMessage(raw), recipientOf(session));
        reply(line.verdict === 'refused' ? temporaryRefusal() : null);
      }, reply);
    },
  });
  // A crashed client resets its connection.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('the SMTP server has no port');
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    lines,
    acceptedFor: (to) => byRecipient.get(to.toLowerCase()) ?? [],
    close: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}

async function readAll(stream: SMTPServerDataStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

function recipientOf(session: SMTPServerSession): string {
  const [first] = session.envelope.rcptTo;
  if (first === undefined) throw new Error('a message without recipient');
  return first.address;
}

/** A temporary failure (RFC 5321 §4.2.3). */
function temporaryRefusal(): Error {
  return Object.assign(new Error('4.3.0 Try again later'), { responseCode: 451 });
}
