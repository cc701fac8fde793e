/** Latchkey and other products, by requests per second of the same operation. */
import type { Lab } from '../support/lab.ts';
import { type LoadOptions, type LoadResponse, load, repeat, type Traffic } from '../support/load.ts';
import { startPeer } from '../support/peers.ts';
import { runSql } from '../support/psql.ts';
import type { ReferenceProcess } from '../support/reference-process.ts';
import { requestBytes } from '../support/requests.ts';
import type { Measurement, Row } from '../support/row.ts';
import { addCookieSessions, addTokenSessions, loginRequest, newRegistration, password } from '../support/users.ts';
import { compare } from '../support/windows.ts';
import { registerRequest, roundRobin } from './passwords.ts';
import { refreshChains } from './refresh.ts';

type Bounds = readonly [floor: number, aim: number];

/** A server and the requests that it gets. */
interface Side {
  readonly port: number;
  readonly traffic: Traffic;
}

type Sides = { readonly latchkey: Side; readonly peer: Side };
type Extent = Pick<LoadOptions, 'connections'> & { readonly seconds: number };

/** Requests that compute no hash. */
const connections = 32;
/** A hash takes long: few connections, and longer windows. */
const hashing = { connections: 8, seconds: 2, warmUpSeconds: 6 } as const;
/** Better Auth takes the address that its rate limits need from this header, which a proxy sets. */
const forwarded = { 'x-forwarded-for': '203.0.113.7' };

/** Enough users that none of Latchkey reaches its limit of sessions. */
const userCount = 50;

export const peerRows: readonly Row[] = [
  betterAuthRow('peer-session', 'session by token / Better Auth', [22, 30], async (lab, peer) => {
    const [session] = await addTokenSessions(await lab.system(), await lab.users(1), 1);
    const [login] = await logIn(peer, 1);
    const latchkey = requestBytes('GET', '/api/v1/auth/session', { token: session?.accessToken ?? '' });
    const token = headerOf(login, 'set-auth-token');
    return checks(lab, peer, latchkey, requestBytes('GET', '/api/auth/get-session', { token, headers: forwarded }));
  }),
  betterAuthRow('peer-session-cookie', 'session by cookie / Better Auth', [25, 30], async (lab, peer) => {
    const [ours = ''] = await addCookieSessions(await lab.system(), await lab.users(1), 1);
    const [login] = await logIn(peer, 1);
    const latchkey = requestBytes('GET', '/api/v1/auth/session', { cookie: ours });
    const cookie = headerOf(login, 'set-cookie').split(';')[0] ?? '';
    return checks(lab, peer, latchkey, requestBytes('GET', '/api/auth/get-session', { cookie, headers: forwarded }));
  }),
  betterAuthRow('peer-login', 'login / Better Auth', [5.5, 6.5], async (lab, peer) => {
    const users = await lab.users(userCount);
    const { port } = await lab.hashingSystem();
    const latchkey = { port, traffic: roundRobin(users.map((user) => loginRequest(user))) };
    const emails = await addPeerUsers(peer, userCount);
    const signIns = emails.map((email) => peerRequest(peer, 'sign-in', { email, password }));
    return against(lab, { latchkey, peer: { port: peer.port, traffic: roundRobin(signIns) } }, passwordExtent(lab));
  }),
  betterAuthRow('peer-register', 'register / Better Auth', [5, 6], async (lab, peer) => {
    const latchkey = { port: (await lab.hashingSystem()).port, traffic: { next: registerRequest } };
    const next = () => peerRequest(peer, 'sign-up', newRegistration());
    return against(lab, { latchkey, peer: { port: peer.port, traffic: { next } } }, passwordExtent(lab));
  }),
  row('peer-refresh', 'refresh / oidc-provider in memory', [1.5, 2.5], async (lab) => {
    const system = await lab.system();
    const sessions = await addTokenSessions(system, await lab.users(1), connections);
    const peer = await startPeer<{ readonly port: number; readonly tokens: string[] }>(
      'oidc-provider',
      String(connections),
    );
    const sides = {
      latchkey: { port: system.port, traffic: refreshChains(sessions) },
      peer: { port: peer.ready.port, traffic: oidcChains(peer.ready.tokens) },
    };
    return stopping(peer, () => against(lab, sides, { connections, seconds: lab.options.seconds }));
  }),
];

function row(name: string, operation: string, [floor, aim]: Bounds, measure: Row['measure']): Row {
  return { name, operation, unit: '×', better: 'larger', floor, aim, measure };
}

/** A Better Auth on a database of its own, in the same PostgreSQL. */
interface BetterAuth {
  readonly port: number;
  readonly databaseUrl: string;
}

function betterAuthRow(
  name: string,
  operation: string,
  bounds: Bounds,
  measure: (lab: Lab, peer: BetterAuth) => Promise<Measurement>,
): Row {
  return row(name, operation, bounds, async (lab) => {
    const adminUrl = await lab.databaseUrl();
    const database = name.replaceAll('-', '_');
    runSql(adminUrl, `create database ${database}`);
    const databaseUrl = adminUrl.replace(/\/postgres$/, `/${database}`);
    const peer: ReferenceProcess<{ readonly port: number }> = await startPeer('better-auth', databaseUrl);
    return stopping(peer, () => measure(lab, { port: peer.ready.port, databaseUrl }));
  });
}

async function stopping<T>(peer: ReferenceProcess<unknown>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await peer.stop();
  }
}

async function checks(lab: Lab, peer: BetterAuth, latchkey: Buffer, reference: Buffer): Promise<Measurement> {
  const sides = {
    latchkey: { port: (await lab.system()).port, traffic: repeat(latchkey) },
    peer: { port: peer.port, traffic: repeat(reference) },
  };
  return against(lab, sides, { connections, seconds: lab.options.seconds });
}

function passwordExtent(lab: Lab): Extent & { readonly warmUpSeconds: number } {
  return { ...hashing, seconds: Math.max(hashing.seconds, lab.options.seconds) };
}

async function against(
  lab: Lab,
  { latchkey, peer }: Sides,
  { warmUpSeconds = 2, ...extent }: Extent & { readonly warmUpSeconds?: number },
): Promise<Measurement> {
  const rate = async ({ port, traffic }: Side, seconds = extent.seconds): Promise<number> => {
    const run = await load(traffic, { port, connections: extent.connections, seconds });
    return run.responses / run.seconds;
  };
  await rate(latchkey, warmUpSeconds);
  await rate(peer, warmUpSeconds);
  const found = await compare(
    { latchkey: () => rate(latchkey), reference: () => rate(peer) },
    { windows: lab.options.windows, better: 'larger' },
  );
  return { latchkey: perSecond(found.latchkey), reference: perSecond(found.reference), value: found.ratio };
}

function perSecond(value: number): string {
  return `${value < 1000 ? value.toFixed(1) : value.toFixed(0)} /s`;
}

function peerRequest({ port }: BetterAuth, action: 'sign-in' | 'sign-up', body: object): Buffer {
  const headers = { ...forwarded, origin: `http://127.0.0.1:${port}` };
  return requestBytes('POST', `/api/auth/${action}/email`, { body, headers });
}

/** Registers users and verifies their addresses in the database, since no mail is sent. */
async function addPeerUsers(peer: BetterAuth, count: number): Promise<string[]> {
  const registrations = Array.from({ length: count }, () => newRegistration());
  await sendEach(
    peer,
    registrations.map((registration) => peerRequest(peer, 'sign-up', registration)),
  );
  runSql(peer.databaseUrl, `update "user" set "emailVerified" = true`);
  return registrations.map(({ email }) => email);
}

async function logIn(peer: BetterAuth, count: number): Promise<LoadResponse[]> {
  const emails = await addPeerUsers(peer, count);
  return sendEach(
    peer,
    emails.map((email) => peerRequest(peer, 'sign-in', { email, password })),
  );
}

async function sendEach({ port }: BetterAuth, requests: readonly Buffer[]): Promise<LoadResponse[]> {
  const responses: LoadResponse[] = [];
  const remaining = requests.values();
  const traffic: Traffic = {
    next: () => remaining.next().value,
    onResponse: (_, response) => responses.push(response),
  };
  await load(traffic, { port, connections: hashing.connections });
  return responses;
}

function headerOf(response: LoadResponse | undefined, name: string): string {
  const head = response?.bytes.toString('latin1', 0, response.headLength) ?? '';
  const value = new RegExp(`\\r\\n${name}: ([^\\r]+)`, 'i').exec(head)?.[1];
  if (value === undefined) throw new Error(`the login of the peer has no ${name}`);
  return value;
}

/** Each connection exchanges its newest token, as a public client. */
function oidcChains(first: readonly string[]): Traffic {
  const tokens = [...first];
  return {
    next: (connection) =>
      formRequest('/token', {
        client_id: 'bench',
        grant_type: 'refresh_token',
        refresh_token: tokens[connection] ?? '',
      }),
    onResponse: (connection, { bytes, headLength }) => {
      const body = JSON.parse(bytes.toString('utf8', headLength)) as { readonly refresh_token: string };
      tokens[connection] = body.refresh_token;
    },
  };
}

function formRequest(path: string, fields: Readonly<Record<string, string>>): Buffer {
  const body = new URLSearchParams(fields).toString();
  const lines = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'user-agent: latchkey-bench/1.0',
    'accept: application/json',
    'content-type: application/x-www-form-urlencoded',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
