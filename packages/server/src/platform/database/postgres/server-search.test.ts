import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ReadOnlyServer } from '../errors.ts';
import type { Endpoint } from '../options.ts';
import type { Timeline } from './connecting.ts';
import { type Examine, findServer, NoServer, SeenTimelines } from './server-search.ts';

type Server = (attempt: number, signal: AbortSignal) => Promise<Timeline | undefined>;

const on = (number: number, cluster = '7'): Timeline => ({ cluster, number });
const writable =
  (timeline?: Timeline): Server =>
  async () =>
    timeline;
const standby: Server = async () => {
  throw new ReadOnlyServer();
};
/** Neither responds nor refuses until the search ends. */
const frozen: Server = (_, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

const login = {
  user: 'u',
  password: undefined,
  database: 'd',
  options: undefined,
  channelBinding: false,
  tls: { mode: 'disable' },
} as const;

/** Searches among servers that are named `a`, `b` and so on; returns the name of the one found. */
async function find(servers: readonly Server[], seen = new SeenTimelines()): Promise<string> {
  const attempts = servers.map(() => 0);
  const endpoints = servers.map((_, index): Endpoint => ({ ...login, host: 'abc'[index] ?? '', port: 5432 }));
  const examine: Examine = async (endpoint, signal) => {
    const index = endpoints.indexOf(endpoint);
    attempts[index] = (attempts[index] ?? 0) + 1;
    const timeline = await (servers[index] as Server)(attempts[index], signal);
    return { endpoint, timeline };
  };
  const { host } = await findServer(endpoints, examine, seen);
  return host;
}

describe('findServer', () => {
  it('finds the server that accepts writes, past a standby and one that does not respond', async () => {
    expect(await find([frozen, standby, writable(on(2))])).toBe('c');
  });

  it('takes the first of several, without a timeline too', async () => {
    expect(await find([writable(on(1)), writable(on(1))])).toBe('a');
    expect(await find([writable(), writable(on(3))])).toBe('a');
    expect(await find([writable(on(1)), writable(on(5, 'another cluster'))])).toBe('a');
  });

  it('takes the one on the newer timeline, also when it responds a little later', async () => {
    const late: Server = async () => {
      await pause(20);
      return on(2);
    };
    expect(await find([writable(on(1)), late])).toBe('b');
  });

  it('rejects an old primary that is started again, when its successor is away', async () => {
    const seen = new SeenTimelines();
    expect(await find([standby, writable(on(2))], seen)).toBe('b');
    await expect(find([writable(on(1)), standby], seen)).rejects.toThrow(/a:5432: it is on timeline 1 .* 2: an old/);
    expect(await find([writable(on(3)), standby], seen)).toBe('a');
  });

  it('finds a standby that is promoted while the old primary does not respond', async () => {
    const promoted: Server = async (attempt) => {
      if (attempt < 3) throw new ReadOnlyServer();
      return on(2);
    };
    expect(await find([frozen, promoted])).toBe('b');
  });

  it('ends once every server has refused, with the reason of each', async () => {
    const away: Server = async () => {
      throw Object.assign(new Error('connect ECONNREFUSED 192.0.2.1:5432'), { code: 'ECONNREFUSED' });
    };
    const failed = find([away, standby]);
    await expect(failed).rejects.toThrow(NoServer);
    await expect(failed).rejects.toThrow(/a:5432: connect ECONNREFUSED .*; b:5432: PostgreSQL is read-only/);
  });
});
