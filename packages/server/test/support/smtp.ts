/** An SMTP server for tests that accepts, rejects, hangs up or stops responding. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** The stage of the dialogue: connected, MAIL, RCPT, DATA before the 354, or after the final dot. */
export type SmtpStage = 'connect' | 'mail' | 'recipient' | 'data' | 'end';

export type SmtpReaction = 'accept' | 'hang_up' | 'silence' | { readonly code: number; readonly text: string };

/** A message that arrived whole, whether it was accepted or rejected. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly accepted: boolean;
}

export interface TestSmtpServer {
  readonly url: string;
  readonly port: number;
  /** In the order of their final dots. */
  readonly received: readonly ReceivedMail[];
  /** Connections accepted so far. */
  readonly connections: number;
  react(reaction: (stage: SmtpStage) => SmtpReaction): void;
  stop(): Promise<void>;
}

/** Starts a server on 127.0.0.1 that accepts everything until `react` is called; the port is free unless given. */
export async function startSmtpServer(
  options: SMTPServerOptions & { readonly port?: number } = {},
): Promise<TestSmtpServer> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  let reaction: (stage: SmtpStage) => SmtpReaction = () => 'accept';
  let connections = 0;

  function respond(stage: SmtpStage, remotePort: number, reply: (error?: Error | null) => void): boolean {
    const wanted = reaction(stage);
    if (wanted === 'hang_up') for (const socket of sockets) if (socket.remotePort === remotePort) socket.destroy();
    if (wanted === 'accept') reply();
    else if (typeof wanted === 'object') reply(Object.assign(new Error(wanted.text), { responseCode: wanted.code }));
    return wanted === 'accept';
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    ...options,
    onConnect: (session, reply) => void respond('connect', session.remotePort, reply),
    onMailFrom: (_address, session, reply) => void respond('mail', session.remotePort, reply),
    onRcptTo: (_address, session, reply) => void respond('recipient', session.remotePort, reply),
    onData: (stream, session, reply) => {
      stream.on('error', () => undefined);
      if (reaction('data') !== 'accept') {
        stream.resume();
        respond('data', session.remotePort, reply);
        return;
      }
      const received = (raw: string) => {
        const { mailFrom, rcptTo } = session.envelope;
        const mail = { from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map((to) => to.address), raw };
        mails.push({ ...mail, accepted: respond('end', session.remotePort, reply) });
      };
      // An incomplete message is dropped.
      readAll(stream).then(received, () => undefined);
    },
  });
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    received: mails,
    get connections() {
      return connections;
    },
    react: (next) => {
      reaction = next;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(resolve);
      await promise;
    },
  };
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
