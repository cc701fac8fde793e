/** Rows of login and register: CPU time against the hash alone. */

import type { Lab } from '../support/lab.ts';
import { load, type Traffic } from '../support/load.ts';
import { loginRequest, registration } from '../support/people.ts';
import { cpuMilliseconds } from '../support/process-cost.ts';
import { startReference } from '../support/reference-process.ts';
import { requestBytes } from '../support/requests.ts';
import type { Finding, Row } from '../support/row.ts';
import { compare } from '../support/windows.ts';

const connections = 8;
/** Spread so that nobody comes to their hundredth session within a run. */
const logins = 50;
/** At a hundred hashes a second it takes this long until the code around them is compiled. */
const warmUpSeconds = 10;
/** A hash takes long, so a window must too. */
const windowSeconds = 2;

/** The rows. */
export const passwordRows: readonly Row[] = [
  row('login', async (lab) => {
    const people = await lab.people(logins);
    // Made with the smallest hash: the first login of each makes the hash anew, which no later one does.
    const requests = people.map((person) => loginRequest(person));
    await load(onceThrough(requests), { port: (await lab.hashingSystem()).port, connections });
    return againstHash(lab, 'verify', inTurn(requests));
  }),
  row('register', (lab) => againstHash(lab, 'hash', { next: registerSomebody })),
];

function row(name: string, measure: Row['measure']): Row {
  return { name, operation: name, unit: '×', better: 'larger', floor: 0.92, aim: 0.96, measure };
}

function registerSomebody(): Buffer {
  return requestBytes('POST', '/api/v1/auth/register', { body: registration() });
}

function onceThrough(requests: readonly Buffer[]): Traffic {
  const remaining = requests.values();
  return { next: () => remaining.next().value };
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

async function againstHash(lab: Lab, reference: 'hash' | 'verify', traffic: Traffic): Promise<Finding> {
  const { port, pid } = await lab.hashingSystem();
  const raw = await startReference('raw-argon2', reference);
  const windowLength = Math.max(windowSeconds, lab.options.seconds);
  let answers = 0;
  const ours = async (seconds = windowLength): Promise<number> => {
    const before = cpuMilliseconds(pid);
    ({ answers } = await load(traffic, { port, connections, seconds }));
    return (cpuMilliseconds(pid) - before) / answers;
  };
  const hashes = async (): Promise<number> => {
    const before = cpuMilliseconds(raw.pid);
    await raw.ask({ count: answers });
    return (cpuMilliseconds(raw.pid) - before) / answers;
  };
  try {
    await ours(warmUpSeconds);
    await hashes();
    const found = await compare(
      { ours: () => ours(), reference: hashes },
      { windows: lab.options.windows, better: 'smaller' },
    );
    const milliseconds = (value: number) => `${value.toFixed(2)} ms CPU`;
    return { ours: milliseconds(found.ours), reference: milliseconds(found.reference), value: found.ratio };
  } finally {
    await raw.stop();
  }
}
