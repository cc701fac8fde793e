import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { BreakingTransport, type MailMessage, Smtp, type SmtpOptions } from '#platform/mail/index.ts';
import { parseSmtpUrl } from '#protocol/connection-url/index.ts';
import { parsedValue } from '#test/support/parsed.ts';
import { silentDependencies } from '#test/support/silent-dependencies.ts';
import { type SmtpStage, startSmtpServer, type TestSmtpServer } from '#test/support/smtp.ts';
import { eventually } from '#test/support/wait.ts';

const message: MailMessage = {
  from: { name: 'Latchkey, "the server"', address: 'no-reply@example.com' },
  to: 'ada@example.org',
  subject: 'Confirm your address – bestätigen',
  text: 'Hello\n.\nhttps://auth.example.com/verify-email?token=abc\n',
  html: '<p>Hello</p>',
  messageId: '<0198-1@auth.example.com>',
  date: new Date('2026-01-02T03:04:05Z'),
};

let server: TestSmtpServer;
const opened: Smtp[] = [];

beforeEach(async () => {
  server = await startSmtpServer();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((smtp) => smtp.close()));
  await server.stop();
});

function open(url = server.url, more: Partial<SmtpOptions> = {}): Smtp {
  const smtp = new Smtp({
    server: parsedValue(parseSmtpUrl(url)),
    silenceTimeoutMs: 1000,
    connectTimeoutMs: 1000,
    ...more,
  });
  opened.push(smtp);
  return smtp;
}

function at(stage: SmtpStage, reaction: ReturnType<Parameters<TestSmtpServer['react']>[0]>): void {
  server.react((reached) => (reached === stage ? reaction : 'accept'));
}

describe('the outcome of an attempt', () => {
  it('is accepted with the code and reply of the server, for the one recipient, with the Message-ID', async () => {
    const outcome = await open().send(message);
    expect(outcome).toMatchObject({ kind: 'accepted', code: 250 });
    expect(server.received).toHaveLength(1);
    const [mail] = server.received;
    expect(mail).toMatchObject({ from: 'no-reply@example.com', to: ['ada@example.org'] });
    expect(mail?.raw).toContain('Message-ID: <0198-1@auth.example.com>');
    expect(mail?.raw).toContain('To: ada@example.org');
    expect(mail?.raw).toContain('Auto-Submitted: auto-generated');
    expect(mail?.raw).toContain('Date: Fri, 02 Jan 2026 03:04:05 +0000');
    expect(mail?.raw).toContain('\r\n.\r\nhttps://auth.example.com/verify-email?token=');
  });

  it.each(['mail', 'recipient', 'data', 'end'] as const)('is permanently refused by a 550 at %s', async (stage) => {
    at(stage, { code: 550, text: '5.1.1 <ada@example.org>: no such user, see https://example.net/x?token=abc' });
    const outcome = await open().send(message);
    expect(outcome).toMatchObject({ kind: 'refused', code: 550, permanent: true });
    expect(JSON.stringify(outcome)).toContain('no such user');
    expect(JSON.stringify(outcome)).not.toMatch(/ada@|token=/);
  });

  it.each(['mail', 'recipient', 'data', 'end'] as const)('is temporarily refused by a 451 at %s', async (stage) => {
    at(stage, { code: 451, text: '4.3.0 try again later' });
    expect(await open().send(message)).toMatchObject({ kind: 'refused', code: 451, permanent: false });
  });

  it.each(['connect', 'mail', 'recipient', 'data'] as const)(
    'is failed when the connection is lost at %s, before the server requested the message',
    async (stage) => {
      at(stage, 'hang_up');
      expect(await open().send(message)).toMatchObject({ kind: 'failed' });
      expect(server.received).toEqual([]);
    },
  );

  it('is in doubt when the connection is lost after the final dot', async () => {
    at('end', 'hang_up');
    expect(await open().send(message)).toMatchObject({ kind: 'in_doubt' });
    expect(server.received).toHaveLength(1);
  });

  it.each(['connect', 'mail', 'recipient'] as const)(
    'is failed when the server stops responding at %s',
    async (stage) => {
      at(stage, 'silence');
      expect(await open().send(message)).toMatchObject({
        kind: 'failed',
        reason: expect.stringContaining('ETIMEDOUT'),
      });
    },
  );

  it('is in doubt when the server stops responding after the final dot', async () => {
    at('end', 'silence');
    const outcome = await open().send(message);
    expect(outcome).toMatchObject({ kind: 'in_doubt', reason: expect.stringContaining('ETIMEDOUT') });
  });

  it('is failed when the connection is refused', async () => {
    await server.stop();
    const outcome = await open().send(message);
    expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('is failed, not refused, when the server rejects the connection', async () => {
    at('connect', { code: 554, text: 'go away' });
    expect(await open().send(message)).toMatchObject({ kind: 'failed', reason: expect.stringContaining('554') });
  });

  it('is failed when authentication fails', async () => {
    const authServer = await startSmtpServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, reply) => reply(new Error('wrong')),
    });
    const outcome = await open(`smtp://user:pass@127.0.0.1:${authServer.port}`).send(message);
    expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('EAUTH') });
    await authServer.stop();
  });

  it('is failed when TLS is required but not offered, and nothing is sent in plain text', async () => {
    const outcome = await open(`${server.url}?tls=required`).send(message);
    expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('ETLS') });
    expect(server.received).toEqual([]);
  });

  it('is in doubt when the worker is stopped after the final dot, and never hangs', async () => {
    at('end', 'silence');
    const abort = new AbortController();
    const sent = open(server.url, { silenceTimeoutMs: 60_000 }).send(message, abort.signal);
    await eventually(() => server.received.length === 1, { what: 'the message was received' });
    abort.abort();
    expect(await sent).toMatchObject({ kind: 'in_doubt', reason: expect.stringContaining('EABORT') });
  });

  it('is in doubt after an incomplete reply', async () => {
    await using incompleteServer = await listen((socket) => converse(socket, (write) => write('550 no su')));
    expect(await open(incompleteServer.url).send(message)).toMatchObject({ kind: 'in_doubt' });
  });

  it('is failed when the server is never silent and never finishes its reply, and frees the connection', async () => {
    let connections = 0;
    await using endlessServer = await listen((socket) => {
      connections += 1;
      socket.on('error', () => undefined).write('220 endless\r\n');
      const drip = setInterval(() => socket.write('250-more\r\n'), 50);
      socket.on('close', () => clearInterval(drip));
    });
    const smtp = open(endlessServer.url, { maxConnections: 1, messageTimeoutMs: 600 });
    for (const attempt of [1, 2]) {
      const outcome = await smtp.send(message);
      expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('ETIMEDOUT') });
      expect(connections).toBe(attempt);
    }
  });
});

/** Serves raw connections on a free port of 127.0.0.1. */
async function listen(serve: (socket: Socket) => void): Promise<{ readonly url: string } & AsyncDisposable> {
  const rawServer = createServer(serve).listen(0, '127.0.0.1');
  await once(rawServer, 'listening');
  const { port } = rawServer.address() as AddressInfo;
  const close = async () => void rawServer.close();
  return { url: `smtp://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

/** Implements just enough SMTP to reach the final dot; calls `last` and hangs up. */
function converse(socket: Socket, last: (write: (text: string) => void) => void): void {
  let body = false;
  socket.on('error', () => undefined);
  socket.write('220 rude\r\n');
  socket.on('data', (chunk) => {
    const text = chunk.toString();
    if (body && text.endsWith('\r\n.\r\n')) {
      last((reply) => socket.end(reply));
    } else if (!body) {
      body = text.startsWith('DATA');
      socket.write(body ? '354 go on\r\n' : '250 yes\r\n');
    }
  });
}

describe('the connection pool', () => {
  it('reuses connections, and opens a new one when the server closed them', async () => {
    const smtp = open(server.url, { maxConnections: 2 });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => smtp.send(message)));
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(['accepted']));
    expect(server.connections).toBe(2);
    const { port } = server;
    await server.stop();
    server = await startSmtpServer({ port });
    expect(await smtp.send(message)).toMatchObject({ kind: 'accepted' });
    expect(server.received).toHaveLength(1);
  });
});

describe('an unsendable message', () => {
  it.each([
    ['two recipients', { to: 'ada@example.org,eve@example.net' }],
    ['a group', { to: 'all:ada@example.org;' }],
    ['a comment', { to: 'ada@example.org(eve@example.net)' }],
    ['a line break in the recipient', { to: 'ada@example.org\r\nRCPT TO:<eve@example.net>' }],
    ['a line break in the subject', { subject: 'hello\r\nBcc: eve@example.net' }],
    ['a line break in the Message-ID', { messageId: '<1@example.com>\r\nBcc: eve@example.net' }],
  ])('has %s', async (_what, faulty) => {
    await expect(open().send({ ...message, ...faulty })).rejects.toThrow();
    expect(server.received).toEqual([]);
  });
});

describe('the circuit breaker', () => {
  it('opens after consecutive failures, reports for how long, and closes when the server is back', async () => {
    const clock = new FixedClock(new Date(0));
    const breaking = new BreakingTransport(open(), {
      clock,
      dependencies: silentDependencies(),
      threshold: 2,
      openSeconds: 0.2,
    });
    at('mail', 'hang_up');
    expect(await breaking.send(message)).toMatchObject({ kind: 'failed' });
    expect(breaking.unavailableForSeconds()).toBe(0);
    expect(await breaking.send(message)).toMatchObject({ kind: 'failed' });
    expect(breaking.unavailableForSeconds()).toBeCloseTo(0.2);
    const before = server.connections;
    expect(await breaking.send(message)).toMatchObject({ kind: 'unavailable' });
    expect(server.connections).toBe(before);
    server.react(() => 'accept');
    await eventually(async () => (await breaking.send(message)).kind === 'accepted', { what: 'the breaker closes' });
    expect(breaking.unavailableForSeconds()).toBe(0);
  });

  it('ignores refusals of single messages', async () => {
    const breaking = new BreakingTransport(open(), {
      clock: new FixedClock(new Date(0)),
      dependencies: silentDependencies(),
      threshold: 2,
    });
    at('recipient', { code: 550, text: 'no such user' });
    for (let n = 0; n < 5; n += 1) expect(await breaking.send(message)).toMatchObject({ kind: 'refused' });
    expect(breaking.unavailableForSeconds()).toBe(0);
  });
});

describe('another password', () => {
  it('is used by later messages, and no message that is on its way is lost', async () => {
    const logins: string[] = [];
    const strict = await startSmtpServer({
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, reply) => {
        logins.push(password ?? '');
        reply(undefined, { user: 'latchkey' });
      },
    });
    const target = { host: '127.0.0.1', port: strict.port, tls: 'none' as const };
    const smtp = open(strict.url, {
      server: { ...target, auth: { user: 'latchkey', pass: 'first' } },
      maxConnections: 4,
    });
    const early = Array.from({ length: 20 }, () => smtp.send(message));
    await smtp.useServer({ ...target, auth: { user: 'latchkey', pass: 'second' } });
    const late = Array.from({ length: 20 }, () => smtp.send(message));
    const kinds = (await Promise.all([...early, ...late])).map(({ kind }) => kind);
    expect(kinds).toEqual(Array.from({ length: 40 }, () => 'accepted'));
    expect([...new Set(logins)].sort()).toEqual(['first', 'second']);
    const before = logins.length;
    await smtp.send(message);
    expect(logins.slice(before)).not.toContain('first');
    await strict.stop();
  });
});
