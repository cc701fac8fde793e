import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { makeCertificate } from '#test/support/certificates.ts';
import { BreakingTransport, type MailMessage, Smtp, type SmtpServer } from './index.ts';

const message: MailMessage = {
  from: { name: 'Latchkey', address: 'no-reply@example.com' },
  to: 'ada@example.org',
  subject: 'Hello',
  text: 'Hello\n',
  html: '<p>Hello</p>',
  messageId: '<0198-1@auth.example.com>',
  date: new Date('2026-01-02T03:04:05Z'),
};
const password = 'hunter2 of the relay';

let lines: { readonly level: string; readonly component: string; readonly detail: string }[];
let dependencies: Dependencies;
let server: Server | undefined;
let transport: BreakingTransport | undefined;
let heard: string[];

beforeEach(() => {
  lines = [];
  heard = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ level: 'info', service: 'test', version: '0', destination });
  dependencies = new Dependencies({ clock: new FixedClock(new Date(0)), logger });
});

afterEach(async () => {
  await transport?.close();
  server?.close();
  server = undefined;
});

/** Greets, and replies to each line with the reply of its verb, or with 250. */
function dialogue(replies: Readonly<Record<string, string>>) {
  return (socket: Socket) => {
    socket.on('error', () => undefined);
    if (replies.greeting !== '') socket.write(`${replies.greeting ?? '220 relay.example'}\r\n`);
    socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n').filter(Boolean)) {
        heard.push(line);
        const verb = line.split(' ')[0]?.toUpperCase() ?? '';
        socket.write(`${replies[verb] ?? '250 ok'}\r\n`);
      }
    });
  };
}

async function listen(next: Server): Promise<number> {
  server = next.listen(0, '127.0.0.1');
  await once(next, 'listening');
  return (next.address() as AddressInfo).port;
}

function open(port: number, more: Partial<SmtpServer> = {}): BreakingTransport {
  const smtp = new Smtp({
    server: { host: '127.0.0.1', port, tls: 'none', auth: null, ...more },
    ehloName: 'auth.example.com',
    connectTimeoutMs: 300,
    silenceTimeoutMs: 300,
  });
  transport = new BreakingTransport(smtp, { clock: new FixedClock(new Date(0)), dependencies });
  return transport;
}

const refusing: readonly (readonly [string, () => Promise<number>, Partial<SmtpServer>, RegExp])[] = [
  [
    'a wrong password',
    () =>
      listen(createServer(dialogue({ EHLO: '250 AUTH PLAIN', AUTH: '535 5.7.8 ada@example.org: bad credentials' }))),
    { auth: { user: 'latchkey', pass: password } },
    /^EAUTH at AUTH PLAIN 535 5\.7\.8 <address> bad credentials/,
  ],
  [
    'a private certificate',
    () => listen(createTlsServer(makeCertificate(['localhost']), dialogue({}))),
    { tls: 'implicit' },
    /DEPTH_ZERO_SELF_SIGNED_CERT .*NODE_EXTRA_CA_CERTS/,
  ],
  [
    'TLS at a port without it',
    () => listen(createServer(dialogue({}))),
    { tls: 'implicit' },
    /ERR_SSL_WRONG_VERSION_NUMBER .*use smtp:/,
  ],
  [
    'a relay that is busy',
    () => listen(createServer(dialogue({ MAIL: '421 4.7.0 try later' }))),
    {},
    /^421 4\.7\.0 try later/,
  ],
  ['a port without a server', async () => 1, {}, /ECONNREFUSED at CONN/],
  ['no greeting', () => listen(createServer(dialogue({ greeting: '' }))), {}, /ETIMEDOUT/],
  [
    'a refused greeting',
    () => listen(createServer(dialogue({ greeting: '554 5.7.1 not you' }))),
    {},
    /554 5\.7\.1 not you/,
  ],
  [
    'a refused EHLO',
    () => listen(createServer(dialogue({ EHLO: '504 5.5.2 no such name', HELO: '504 5.5.2 no such name' }))),
    {},
    /504 5\.5\.2 no such name/,
  ],
];

describe('a mail server that refuses is logged at warn, once for each reason, in its own words', () => {
  it.each(refusing)('%s', async (_, start, more, reason) => {
    const breaking = open(await start(), more);
    for (let mail = 0; mail < 3; mail += 1) await breaking.send(message);
    expect(lines.map(({ level, component }) => [level, component])).toEqual([['warn', 'smtp']]);
    expect(lines[0]?.detail).toMatch(reason);
    expect(dependencies.reason('smtp')).toBe(lines[0]?.detail);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|ada@/);
  });

  it('the rejection of one message, which leaves the server working', async () => {
    const port = await listen(createServer(dialogue({ RCPT: '550 5.1.1 <ada@example.org> unknown' })));
    const breaking = open(port);
    for (let mail = 0; mail < 3; mail += 1) await breaking.send(message);
    expect(lines).toMatchObject([{ level: 'warn', component: 'smtp', detail: '550 5.1.1 <<address>> unknown' }]);
    expect(dependencies.reason('smtp')).toBeUndefined();
  });
});

it('introduces itself by the name of the settings', async () => {
  await open(await listen(createServer(dialogue({ DATA: '354 go' })))).send(message);
  expect(heard).toContain('EHLO auth.example.com');
});
