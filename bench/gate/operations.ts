/** The operations of the gate, with the smallest hash: the gate compares the code around it. */
import { setTimeout as pause } from 'node:timers/promises';
import { registerRequest } from '../rows/passwords.ts';
import { refreshChains } from '../rows/refresh.ts';
import { load, repeat, type Traffic } from '../support/load.ts';
import { cpuMilliseconds } from '../support/process-cost.ts';
import { requestBytes } from '../support/requests.ts';
import { addCookieSessions, addTokenSessions, type BenchUser, loginRequest, type Tokens } from '../support/users.ts';

export interface GateTarget {
  readonly port: number;
  readonly opsPort: number;
  readonly pid: number;
  readonly users: readonly BenchUser[];
}

interface Operation {
  /** Requests in a window. */
  readonly requests: number;
  /** Work that follows the response, such as sending a mail, is part of the cost. */
  readonly settleMs?: number;
  /** For requests that do not reach PostgreSQL, which shares its core with the generator. */
  readonly polling?: true;
  /** Returns the requests of one window; what it does itself is not measured. */
  readonly prepare: (target: GateTarget) => Promise<Traffic>;
}

const connections = 16;

const operations = {
  livez: { requests: 5000, polling: true, prepare: async () => repeat(requestBytes('GET', '/livez')) },
  jwks: { requests: 5000, polling: true, prepare: async () => repeat(requestBytes('GET', '/.well-known/jwks.json')) },
  session: {
    requests: 5000,
    polling: true,
    prepare: async (target) => {
      const [session] = await addTokenSessions(target, target.users, 1);
      return repeat(sessionCheck({ token: session?.accessToken ?? '' }));
    },
  },
  'session-cold': {
    requests: 600,
    prepare: async (target) => {
      const cookies = await addCookieSessions(target, target.users, 600);
      return eachOnce(cookies.map((cookie) => sessionCheck({ cookie })));
    },
  },
  login: {
    requests: 400,
    prepare: async ({ users }) => eachOnce(Array.from({ length: 400 }, (_, n) => loginRequest(pick(users, n)))),
  },
  register: {
    requests: 200,
    settleMs: 1500,
    prepare: async () => eachOnce(Array.from({ length: 200 }, registerRequest)),
  },
  refresh: {
    requests: 1200,
    prepare: async (target) => bounded(refreshChains(await addTokenSessions(target, target.users, connections)), 1200),
  },
  logout: {
    requests: 400,
    prepare: async (target) => {
      const sessions = await addTokenSessions(target, target.users, 400);
      return eachOnce(sessions.map(logoutRequest));
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof operations;

export const operationNames = Object.keys(operations) as readonly OperationName[];

/** Reads names of operations as they were typed. @throws Error for a name that no operation has. */
export function readOperations(typed: readonly string[]): readonly OperationName[] {
  const unknown = typed.find((name) => !Object.hasOwn(operations, name));
  if (unknown !== undefined)
    throw new Error(`no operation is called ${unknown}; there are: ${operationNames.join(', ')}`);
  return typed.length === 0 ? operationNames : (typed as readonly OperationName[]);
}

/** CPU milliseconds per request in one window, all threads, user and system. */
export async function costOf(name: OperationName, target: GateTarget): Promise<number> {
  const operation: Operation = operations[name];
  const traffic = bounded(await operation.prepare(target), operation.requests);
  // The preparation leaves garbage and log lines.
  await pause(200);
  return measure(traffic, target, operation);
}

async function measure(
  traffic: Traffic,
  { port, pid }: Pick<GateTarget, 'port' | 'pid'>,
  { settleMs = 50, polling = false }: Pick<Operation, 'settleMs'> & { readonly polling?: boolean },
): Promise<number> {
  let before = 0;
  const onStart = () => {
    before = cpuMilliseconds(pid);
  };
  const { responses } = await load(traffic, { port, connections, polling, onStart });
  await pause(settleMs);
  return (cpuMilliseconds(pid) - before) / responses;
}

function sessionCheck(credential: { readonly token: string } | { readonly cookie: string }): Buffer {
  return requestBytes('GET', '/api/v1/auth/session', credential);
}

function logoutRequest({ accessToken }: Tokens): Buffer {
  return requestBytes('POST', '/api/v1/auth/logout', { token: accessToken });
}

function pick(users: readonly BenchUser[], number: number): BenchUser {
  return users[number % users.length] as BenchUser;
}

function eachOnce(requests: readonly Buffer[]): Traffic {
  const remaining = requests.values();
  return { next: () => remaining.next().value };
}

function bounded(traffic: Traffic, count: number): Traffic {
  let left = count;
  return {
    ...traffic,
    next: (connection) => {
      left -= 1;
      return left < 0 ? undefined : traffic.next(connection);
    },
  };
}
