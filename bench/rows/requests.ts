/** Rows of requests without an effect, by CPU time against bare `node:http`. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Lab } from '../support/lab.ts';
import { always, type LoadOptions, load, type Traffic } from '../support/load.ts';
import { addCookieSessions, addTokenSessions, peopleFor } from '../support/people.ts';
import { cpuMilliseconds } from '../support/process-cost.ts';
import { startReference } from '../support/reference-process.ts';
import { requestBytes } from '../support/requests.ts';
import type { Finding, Row } from '../support/row.ts';
import { compare } from '../support/windows.ts';

const connections = 32;
const warmUpSeconds = 2;

/** The rows. */
export const requestRows: readonly Row[] = [
  row('livez', '/livez', [0.55, 0.7], (lab) => steady(lab, requestBytes('GET', '/livez'))),
  row('jwks', 'JWKS', [0.55, 0.7], (lab) => steady(lab, requestBytes('GET', '/.well-known/jwks.json'))),
  row('session', 'session check, warm, by token', [0.4, 0.55], async (lab) => {
    const [session] = await addTokenSessions(await lab.system(), await lab.people(1), 1);
    return steady(lab, checkByToken(session?.accessToken ?? ''));
  }),
  row('session-cookie', 'session check, warm, by cookie', [0.4, 0.55], async (lab) => {
    const [cookie = ''] = await addCookieSessions(await lab.system(), await lab.people(1), 1);
    return steady(lab, checkByCookie(cookie));
  }),
  row('session-cold', 'session check, cold, by cookie', [0.15, 0.25], async (lab) => {
    const count = coldChecks * (lab.options.windows + 1);
    const cookies = await addCookieSessions(await lab.system(), await lab.people(peopleFor(count)), count);
    return onceEach(lab, cookies.map(checkByCookie));
  }),
  row('session-first', 'first check of a token, signature too', undefined, async (lab) => {
    const count = coldChecks * (lab.options.windows + 1);
    const sessions = await addTokenSessions(await lab.system(), await lab.people(peopleFor(count)), count);
    return onceEach(
      lab,
      sessions.map((session) => checkByToken(session.accessToken)),
    );
  }),
];

/** Sessions that are checked for the first time in one window. */
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

/** One request again and again, both sides for the same time. */
async function steady(lab: Lab, request: Buffer): Promise<Finding> {
  const system = await lab.system();
  const { seconds } = lab.options;
  const ours = { port: system.port, pid: system.pid };
  return againstBareHttp(lab, ours, request, {
    ours: (target) => costOf(target, always(request), { seconds, polling: true }),
    reference: (target) => costOf(target, always(request), { seconds, polling: true }),
  });
}

/** Each request once: a window ends when its share of them is answered. */
async function onceEach(lab: Lab, requests: readonly Buffer[]): Promise<Finding> {
  const system = await lab.system();
  const ours = { port: system.port, pid: system.pid };
  const remaining = requests.values();
  const some = (): Traffic => {
    let left = coldChecks;
    return {
      next: () => {
        left -= 1;
        return left < 0 ? undefined : remaining.next().value;
      },
    };
  };
  await load(some(), { port: system.port, connections });
  const [first = Buffer.alloc(0)] = requests;
  return againstBareHttp(lab, ours, first, {
    // The generator shares its core with PostgreSQL: polling would keep the database from answering.
    ours: (target) => costOf(target, some(), { polling: false }),
    reference: (target) => costOf(target, always(first), { seconds: lab.options.seconds, polling: false }),
  });
}

type Target = { readonly port: number; readonly pid: number };
type CostOf = (target: Target) => Promise<number>;
type HowLong = Pick<LoadOptions, 'seconds' | 'polling'>;

async function againstBareHttp(
  lab: Lab,
  ours: Target,
  request: Buffer,
  cost: { readonly ours: CostOf; readonly reference: CostOf },
): Promise<Finding> {
  const length = await answerLength(ours, request);
  const bare = await startReference<{ readonly port: number }>('bare-http', String(length));
  const reference = { port: bare.hello.port, pid: bare.pid };
  try {
    await load(always(request), { port: reference.port, connections, seconds: warmUpSeconds });
    await load(always(request), { port: ours.port, connections, seconds: warmUpSeconds });
    const found = await compare(
      { ours: () => cost.ours(ours), reference: () => cost.reference(reference) },
      { windows: lab.options.windows, better: 'smaller' },
    );
    return { ours: microseconds(found.ours), reference: microseconds(found.reference), value: found.ratio };
  } finally {
    await bare.stop();
  }
}

async function answerLength({ port }: Target, request: Buffer): Promise<number> {
  let length = 0;
  let sent = false;
  await load(
    {
      next: () => {
        if (sent) return undefined;
        sent = true;
        return request;
      },
      answered: (_, answer) => {
        length = answer.bytes.length - answer.headLength;
      },
    },
    { port, connections: 1 },
  );
  return length;
}

/** CPU milliseconds of one request, user and system, all threads. */
async function costOf({ port, pid }: Target, traffic: Traffic, how: HowLong): Promise<number> {
  let before = 0;
  const onStart = () => {
    before = cpuMilliseconds(pid);
  };
  const { answers } = await load(traffic, {
    port,
    connections,
    onStart,
    ...how,
  });
  const spent = cpuMilliseconds(pid) - before;
  // What the window left behind (garbage, log lines) belongs to it, not to the next one of the other side.
  await pause(50);
  return spent / answers;
}

function microseconds(milliseconds: number): string {
  return `${(milliseconds * 1000).toFixed(1)} µs CPU`;
}
