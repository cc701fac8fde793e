/** The process itself: start time, memory, and latency during a flood of logins. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lab } from '../support/lab.ts';
import { load, repeat, type Traffic } from '../support/load.ts';
import { residentMegabytes } from '../support/process-cost.ts';
import { requestBytes } from '../support/requests.ts';
import type { Measurement, Row } from '../support/row.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { addTokenSessions, addUsers, type BenchUser, loginRequest } from '../support/users.ts';
import { median, quantileOf } from '../support/windows.ts';

/** Enough users that none reaches 100 sessions, which would end a checked one. */
const memoryUsers = 32;

export const processRows: readonly Row[] = [
  {
    name: 'flood',
    operation: 'session check p99, hash queue full',
    unit: 'ms',
    better: 'smaller',
    floor: 15,
    aim: 10,
    measure: measureFlood,
  },
  start('start-postgres', 'start, PostgreSQL', [0.9, 0.5], async (lab) => {
    await lab.system();
    const databaseUrl = await lab.databaseUrl();
    return (run) => ({ databaseUrl, dataDirectory: join(lab.directory, `start-${run}`) });
  }),
  start('start-embedded', 'start, embedded, existing', [1.5, 0.8], async (lab) => {
    const dataDirectory = join(lab.directory, 'existing');
    await (await startSystem({ dataDirectory })).stop();
    return () => ({ dataDirectory });
  }),
  start('start-first', 'start, embedded, first', [2.5, 1.5], async (lab) => {
    return (run) => ({ dataDirectory: join(lab.directory, `first-${run}`) });
  }),
  memory('memory-postgres', 'memory under load, PostgreSQL', [220, 160], async (lab) => {
    // Two servers on one database take each other's mail jobs and each has its own inbox, so the users are created
    // first.
    const users = await lab.users(memoryUsers);
    const dataDirectory = join(lab.directory, 'memory-postgres');
    return { options: { databaseUrl: await lab.databaseUrl(), dataDirectory }, users };
  }),
  memory('memory-embedded', 'memory under load, embedded', [320, 250], async (lab) => {
    return { options: { dataDirectory: join(lab.directory, 'memory-embedded') } };
  }),
];

type Bounds = readonly [floor: number, aim: number];

function start(
  name: string,
  operation: string,
  [floor, aim]: Bounds,
  prepare: (lab: Lab) => Promise<(run: number) => SystemOptions>,
): Row {
  const measure = async (lab: Lab): Promise<Measurement> => {
    const options = await prepare(lab);
    const seconds: number[] = [];
    // One run more than counted: the first fills the compile cache.
    for (let run = 0; run <= lab.options.windows; run += 1) {
      const system = await startSystem(options(run));
      if (run > 0) seconds.push(system.startSeconds);
      await system.stop();
    }
    return { latchkey: `${median(seconds).toFixed(2)} s`, reference: '', value: median(seconds) };
  };
  return { name, operation, unit: 's', better: 'smaller', floor, aim, measure };
}

const memorySeconds = 12;
const samplePauseMs = 200;

function memory(
  name: string,
  operation: string,
  [floor, aim]: Bounds,
  prepare: (lab: Lab) => Promise<{ readonly options: SystemOptions; readonly users?: readonly BenchUser[] }>,
): Row {
  const measure = async (lab: Lab): Promise<Measurement> => {
    const { options, users } = await prepare(lab);
    const system = await startSystem({ ...options, fullHash: true });
    let most = 0;
    const sampling = new AbortController();
    const samples = (async () => {
      while (!sampling.signal.aborted) {
        most = Math.max(most, residentMegabytes(system.pid));
        await pause(samplePauseMs);
      }
    })();
    await mixedLoad(system, users ?? (await addUsers(system, memoryUsers)), memorySeconds);
    sampling.abort();
    await samples;
    await system.stop();
    return { latchkey: `${most.toFixed(0)} MB`, reference: '', value: most };
  };
  return { name, operation, unit: 'MB', better: 'smaller', floor, aim, measure };
}

/** Session checks at full speed, with concurrent logins. */
async function mixedLoad(system: System, users: readonly BenchUser[], seconds: number): Promise<void> {
  const sessions = await addTokenSessions(system, users, 64);
  const checks = sessions.map(({ accessToken: token }) => requestBytes('GET', '/api/v1/auth/session', { token }));
  const { port } = system;
  await Promise.all([
    load(roundRobin(checks), { port, connections: 32, seconds }),
    load(roundRobin(users.map((user) => loginRequest(user))), { port, connections: 16, seconds }),
  ]);
}

function roundRobin(requests: readonly Buffer[]): Traffic {
  let index = 0;
  return {
    next: () => {
      index += 1;
      return requests[index % requests.length];
    },
  };
}

/** One more than are queued and computed at once (invariant 14: a hundred wait, one is computed). */
const floodConnections = 101;
const floodSeconds = 4;

async function measureFlood(lab: Lab): Promise<Measurement> {
  const users = await lab.users(50);
  const system = await lab.hashingSystem();
  const [session] = await addTokenSessions(system, users.slice(0, 1), 1);
  const { port } = system;
  const check = requestBytes('GET', '/api/v1/auth/session', { token: session?.accessToken ?? '' });
  const milliseconds: number[] = [];
  const watched: Traffic = {
    next: () => check,
    onResponse: (_, response) => milliseconds.push(response.milliseconds),
  };
  await load(repeat(check), { port, connections: 4, seconds: 1 });
  const logins = roundRobin(users.map((user) => loginRequest(user)));
  await Promise.all([
    load(logins, { port, connections: floodConnections, seconds: floodSeconds, acceptedStatuses: [503] }),
    load(watched, { port, connections: 4, seconds: floodSeconds }),
  ]);
  const p99 = quantileOf(milliseconds, 0.99);
  return { latchkey: `p50 ${quantileOf(milliseconds, 0.5).toFixed(1)} ms`, reference: '', value: p99 };
}
