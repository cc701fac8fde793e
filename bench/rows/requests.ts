/** Requests without an effect: CPU time compared with bare `node:http`. */
import { setTimeout as pause } from 'node:timers/promises';
import { startReceiver } from '../../packages/server/test/support/http-receiver.ts';
import type { Lab } from '../support/lab.ts';
import { type LoadOptions, load, repeat, type Traffic } from '../support/load.ts';
import { cpuMilliseconds } from '../support/process-cost.ts';
import { startReference } from '../support/reference-process.ts';
import { requestBytes } from '../support/requests.ts';
import type { Measurement, Row } from '../support/row.ts';
import { addCookieSessions, addTokenSessions, usersFor } from '../support/users.ts';
import { compare } from '../support/windows.ts';

const connections = 32;
const warmUpSeconds = 2;

export const requestRows: readonly Row[] = [
  row('livez', '/livez', [0.55, 0.7], (lab) => steady(lab, requestBytes('GET', '/livez'))),
  row('jwks', 'JWKS', [0.55, 0.7], (lab) => steady(lab, requestBytes('GET', '/.well-known/jwks.json'))),
  row('session', 'session check, warm, by token', [0.4, 0.55], async (lab) => {
    const [session] = await addTokenSessions(await lab.system(), await lab.users(1), 1);
    return steady(lab, checkByToken(session?.accessToken ?? ''));
  }),
  row('session-traced', 'session check, 10 % of them traced', [0.77, 0.85], againstUntraced),
  row('session-cookie', 'session check, warm, by cookie', [0.4, 0.55], async (lab) => {
    const [cookie = ''] = await addCookieSessions(await lab.system(), await lab.users(1), 1);
    return steady(lab, checkByCookie(cookie));
  }),
  row('session-cold', 'session check, cold, by cookie', [0.15, 0.25], async (lab) => {
    const count = coldChecks * (lab.options.windows + 1);
    const cookies = await addCookieSessions(await lab.system(), await lab.users(usersFor(count)), count);
    return onceEach(lab, cookies.map(checkByCookie));
  }),
  row('session-first', 'first check of a token, signature too', undefined, async (lab) => {
    const count = coldChecks * (lab.options.windows + 1);
    const sessions = await addTokenSessions(await lab.system(), await lab.users(usersFor(count)), count);
    return onceEach(
      lab,
      sessions.map((session) => checkByToken(session.accessToken)),
    );
  }),
];

/** Sessions checked for the first time in one window. */
const coldChecks = 2500;

function row(
  name: string,
  operation: string,
  bounds: readonly [number, number] | undefined,
  measure: Row['measure'],
): Row {
  return { name, operation, unit: '×', better: 'larger', floor: bounds?.[0], aim: bounds?.[1], measure };
}

function checkByToken(token: string): Buffer {
  return requestBytes('GET', '/api/v1/auth/session', { token });
}

function checkByCookie(cookie: string): Buffer {
  return requestBytes('GET', '/api/v1/auth/session', { cookie });
}

/** The warm check on a server that traces as many checks as it does by default, and on one that traces nothing. */
async function againstUntraced(lab: Lab): Promise<Measurement> {
  const collector = await startReceiver();
  collector.react((response) => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  try {
    const untraced = await lab.system();
    const traced = await lab.tracingSystem(`http://127.0.0.1:${collector.port}`);
    // By cookie, because each server is an issuer of its own and rejects the tokens of the other.
    const cookies = await addCookieSessions(untraced, await lab.users(1), 1);
    const request = checkByCookie(cookies[0] ?? '');
    const { seconds, windows } = lab.options;
    for (const { port } of [untraced, traced])
      await load(repeat(request), { port, connections, seconds: warmUpSeconds });
    const sideOf = (system: Target) => () => costOf(system, repeat(request), { seconds, polling: true });
    const found = await compare(
      { latchkey: sideOf(traced), reference: sideOf(untraced) },
      { windows, better: 'smaller' },
    );
    return { latchkey: microseconds(found.latchkey), reference: microseconds(found.reference), value: found.ratio };
  } finally {
    await collector.stop();
  }
}

/** One repeated request, for the same time on both sides. */
async function steady(lab: Lab, request: Buffer): Promise<Measurement> {
  const system = await lab.system();
  const { seconds } = lab.options;
  const latchkey = { port: system.port, pid: system.pid };
  return againstBareHttp(lab, latchkey, request, {
    latchkey: (target) => costOf(target, repeat(request), { seconds, polling: true }),
    reference: (target) => costOf(target, repeat(request), { seconds, polling: true }),
  });
}

/** Each request once: a window ends when its share of them has responses. */
async function onceEach(lab: Lab, requests: readonly Buffer[]): Promise<Measurement> {
  const system = await lab.system();
  const latchkey = { port: system.port, pid: system.pid };
  const remaining = requests.values();
  const nextShare = (): Traffic => {
    let left = coldChecks;
    return {
      next: () => {
        left -= 1;
        return left < 0 ? undefined : remaining.next().value;
      },
    };
  };
  await load(nextShare(), { port: system.port, connections });
  const [first = Buffer.alloc(0)] = requests;
  return againstBareHttp(lab, latchkey, first, {
    // The generator shares its core with PostgreSQL, which polling would starve.
    latchkey: (target) => costOf(target, nextShare(), { polling: false }),
    reference: (target) => costOf(target, repeat(first), { seconds: lab.options.seconds, polling: false }),
  });
}

type Target = { readonly port: number; readonly pid: number };
type CostOf = (target: Target) => Promise<number>;
type LoadExtent = Pick<LoadOptions, 'seconds' | 'polling'>;

async function againstBareHttp(
  lab: Lab,
  latchkey: Target,
  request: Buffer,
  cost: { readonly latchkey: CostOf; readonly reference: CostOf },
): Promise<Measurement> {
  const length = await responseLength(latchkey, request);
  const bare = await startReference<{ readonly port: number }>('bare-http', String(length));
  const reference = { port: bare.ready.port, pid: bare.pid };
  try {
    await load(repeat(request), { port: reference.port, connections, seconds: warmUpSeconds });
    await load(repeat(request), { port: latchkey.port, connections, seconds: warmUpSeconds });
    const found = await compare(
      { latchkey: () => cost.latchkey(latchkey), reference: () => cost.reference(reference) },
      { windows: lab.options.windows, better: 'smaller' },
    );
    return { latchkey: microseconds(found.latchkey), reference: microseconds(found.reference), value: found.ratio };
  } finally {
    await bare.stop();
  }
}

async function responseLength({ port }: Target, request: Buffer): Promise<number> {
  let length = 0;
  let sent = false;
  await load(
    {
      next: () => {
        if (sent) return undefined;
        sent = true;
        return request;
      },
      onResponse: (_, response) => {
        length = response.bytes.length - response.headLength;
      },
    },
    { port, connections: 1 },
  );
  return length;
}

/** CPU milliseconds per request, user and system, all threads. */
async function costOf({ port, pid }: Target, traffic: Traffic, extent: LoadExtent): Promise<number> {
  let before = 0;
  const onStart = () => {
    before = cpuMilliseconds(pid);
  };
  const { responses } = await load(traffic, {
    port,
    connections,
    onStart,
    ...extent,
  });
  const used = cpuMilliseconds(pid) - before;
  // Garbage and log lines of this window must not burden the next window of the other side.
  await pause(50);
  return used / responses;
}

function microseconds(milliseconds: number): string {
  return `${(milliseconds * 1000).toFixed(1)} µs CPU`;
}
