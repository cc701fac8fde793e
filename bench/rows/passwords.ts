/** Login and registration: CPU time compared with the hash alone. */

import type { Lab } from '../support/lab.ts';
import { load, type Traffic } from '../support/load.ts';
import { cpuMilliseconds } from '../support/process-cost.ts';
import { startReference } from '../support/reference-process.ts';
import { requestBytes } from '../support/requests.ts';
import type { Measurement, Row } from '../support/row.ts';
import { loginRequest, newRegistration } from '../support/users.ts';
import { compare } from '../support/windows.ts';

const connections = 8;
/** Enough users that none reaches 100 sessions in a run. */
const logins = 50;
/** At a hundred hashes a second, the surrounding code takes this long to be compiled. */
const warmUpSeconds = 10;
/** A hash takes long, so a window must be longer too. */
const windowSeconds = 2;

export const passwordRows: readonly Row[] = [
  row('login', [0.75, 0.85], async (lab) => {
    const users = await lab.users(logins);
    // The users were created with the smallest hash; the first login rehashes and later ones do not.
    const requests = users.map((user) => loginRequest(user));
    await load(eachOnce(requests), { port: (await lab.hashingSystem()).port, connections });
    return againstHash(lab, 'verify', roundRobin(requests));
  }),
  row('register', [0.68, 0.8], (lab) => againstHash(lab, 'hash', { next: registerRequest })),
];

function row(name: string, [floor, aim]: readonly [floor: number, aim: number], measure: Row['measure']): Row {
  return { name, operation: name, unit: '×', better: 'larger', floor, aim, measure };
}

export function registerRequest(): Buffer {
  return requestBytes('POST', '/api/v1/auth/register', { body: newRegistration() });
}

function eachOnce(requests: readonly Buffer[]): Traffic {
  const remaining = requests.values();
  return { next: () => remaining.next().value };
}

export function roundRobin(requests: readonly Buffer[]): Traffic {
  let index = 0;
  return {
    next: () => {
      index += 1;
      return requests[index % requests.length];
    },
  };
}

async function againstHash(lab: Lab, reference: 'hash' | 'verify', traffic: Traffic): Promise<Measurement> {
  const { port, pid } = await lab.hashingSystem();
  const raw = await startReference('raw-argon2', reference);
  const windowLength = Math.max(windowSeconds, lab.options.seconds);
  let responses = 0;
  const measureLatchkey = async (seconds = windowLength): Promise<number> => {
    const before = cpuMilliseconds(pid);
    ({ responses } = await load(traffic, { port, connections, seconds }));
    return (cpuMilliseconds(pid) - before) / responses;
  };
  const hashes = async (): Promise<number> => {
    const before = cpuMilliseconds(raw.pid);
    await raw.request({ count: responses });
    return (cpuMilliseconds(raw.pid) - before) / responses;
  };
  try {
    await measureLatchkey(warmUpSeconds);
    await hashes();
    const found = await compare(
      { latchkey: () => measureLatchkey(), reference: hashes },
      { windows: lab.options.windows, better: 'smaller' },
    );
    const milliseconds = (value: number) => `${value.toFixed(2)} ms CPU`;
    return { latchkey: milliseconds(found.latchkey), reference: milliseconds(found.reference), value: found.ratio };
  } finally {
    await raw.stop();
  }
}
