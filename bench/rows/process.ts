/** Rows of the process itself: how soon it answers, how much memory it takes, how fast it stays under a flood of logins. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lab } from '../support/lab.ts';
import { always, load, type Traffic } from '../support/load.ts';
import { addPeople, addTokenSessions, loginRequest, type Person } from '../support/people.ts';
import { residentMegabytes } from '../support/process-cost.ts';
import { requestBytes } from '../support/requests.ts';
import type { Finding, Row } from '../support/row.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { median, quantileOf } from '../support/windows.ts';

/** So many that nobody comes to their hundredth session, which would end one that is being checked. */
const memoryPeople = 32;

/** The rows. */
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
  start('start-postgres', 'start, PostgreSQL', [0.8, 0.5], async (lab) => {
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
    // Two servers on one database take each other's mail jobs, and each has an inbox of its own: so these are made first.
    const people = await lab.people(memoryPeople);
    const dataDirectory = join(lab.directory, 'memory-postgres');
    return { options: { databaseUrl: await lab.databaseUrl(), dataDirectory }, people };
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
  const measure = async (lab: Lab): Promise<Finding> => {
    const options = await prepare(lab);
    const seconds: number[] = [];
    // Once more than is counted: the first fills the compile cache.
    for (let run = 0; run <= lab.options.windows; run += 1) {
      const system = await startSystem(options(run));
      if (run > 0) seconds.push(system.startSeconds);
      await system.stop();
    }
    return { ours: `${median(seconds).toFixed(2)} s`, reference: '', value: median(seconds) };
  };
  return { name, operation, unit: 's', better: 'smaller', floor, aim, measure };
}

const memorySeconds = 12;
const samplePauseMs = 200;

function memory(
  name: string,
  operation: string,
  [floor, aim]: Bounds,
  prepare: (lab: Lab) => Promise<{ readonly options: SystemOptions; readonly people?: readonly Person[] }>,
): Row {
  const measure = async (lab: Lab): Promise<Finding> => {
    const { options, people } = await prepare(lab);
    const system = await startSystem({ ...options, fullHash: true });
    let most = 0;
    const sampling = new AbortController();
    const samples = (async () => {
      while (!sampling.signal.aborted) {
        most = Math.max(most, residentMegabytes(system.pid));
        await pause(samplePauseMs);
      }
    })();
    await mixedLoad(system, people ?? (await addPeople(system, memoryPeople)), memorySeconds);
    sampling.abort();
    await samples;
    await system.stop();
    return { ours: `${most.toFixed(0)} MB`, reference: '', value: most };
  };
  return { name, operation, unit: 'MB', better: 'smaller', floor, aim, measure };
}

/** Session checks as fast as they go, logins beside them. */
async function mixedLoad(system: System, people: readonly Person[], seconds: number): Promise<void> {
  const sessions = await addTokenSessions(system, people, 64);
  const checks = sessions.map(({ accessToken: token }) => requestBytes('GET', '/api/v1/auth/session', { token }));
  const { port } = system;
  await Promise.all([
    load(inTurn(checks), { port, connections: 32, seconds }),
    load(inTurn(people.map((person) => loginRequest(person))), { port, connections: 16, seconds }),
  ]);
}

function inTurn(requests: readonly Buffer[]): Traffic {
  let turn = 0;
  return {
    next: () => {
      turn += 1;
      return requests[turn % requests.length];
    },
  };
}

/** One more than the queue holds and the cores compute (invariant 14: a hundred wait, one is computed). */
const floodConnections = 101;
const floodSeconds = 4;

async function measureFlood(lab: Lab): Promise<Finding> {
  const people = await lab.people(50);
  const system = await lab.hashingSystem();
  const [session] = await addTokenSessions(system, people.slice(0, 1), 1);
  const { port } = system;
  const check = requestBytes('GET', '/api/v1/auth/session', { token: session?.accessToken ?? '' });
  const milliseconds: number[] = [];
  const watched: Traffic = {
    next: () => check,
    answered: (_, answer) => milliseconds.push(answer.milliseconds),
  };
  await load(always(check), { port, connections: 4, seconds: 1 });
  const logins = inTurn(people.map((person) => loginRequest(person)));
  await Promise.all([
    load(logins, { port, connections: floodConnections, seconds: floodSeconds, accepted: [503] }),
    load(watched, { port, connections: 4, seconds: floodSeconds }),
  ]);
  const p99 = quantileOf(milliseconds, 0.99);
  return { ours: `p50 ${quantileOf(milliseconds, 0.5).toFixed(1)} ms`, reference: '', value: p99 };
}
