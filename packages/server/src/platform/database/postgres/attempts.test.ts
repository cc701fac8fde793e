import { describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import { ConnectionLost, ReadOnlyServer } from '../errors.ts';
import { sendUntilDone } from './attempts.ts';
import { Silence } from './silence.ts';

const lost = () => new ConnectionLost('the connection was lost');
const server = (code: string) => Object.assign(new Error(code), { severity: 'ERROR', code });
const lock = () => server('55P03');
const deadlock = () => server('40P01');
const readOnly = () => server('25006');

type Attempted = Parameters<typeof sendUntilDone>[0];

/** Fails with these errors in turn, then succeeds; returns all tries and the outcome. */
async function tries(errors: readonly Error[], of: Partial<Attempted> = {}): Promise<readonly unknown[]> {
  const onlyReads = of.lane === 'read';
  const attempted = { name: 'test', lane: 'write', idempotent: false, onlyReads, ...of } as const;
  const left = [...errors];
  const retries: unknown[] = [];
  try {
    const result = await sendUntilDone(attempted, async (retry) => {
      retries.push(retry ?? 'first');
      const error = left.shift();
      if (error !== undefined) throw error;
      return 'done';
    });
    return [...retries, result];
  } catch (error) {
    return [...retries, error instanceof Problem ? error.code : (error as Error).message];
  }
}

describe('a statement is sent again', () => {
  it.each([
    [
      'on its lane after a lost connection, if it is idempotent',
      [lost()],
      { idempotent: true },
      ['new_on_lane', 'done'],
    ],
    ['on the pool after a lock timeout', [lock()], {}, ['pool', 'done']],
    [
      'on the pool after a lock timeout and a lost connection there, if it is idempotent',
      [lock(), lost()],
      { idempotent: true },
      ['pool', 'new_on_pool', 'done'],
    ],
    [
      'after a lost connection and then a lock timeout',
      [lost(), lock(), lost()],
      { idempotent: true },
      ['new_on_lane', 'pool', 'new_on_pool', 'done'],
    ],
    [
      'on the pool after a deadlock, three times',
      [deadlock(), deadlock(), deadlock()],
      {},
      ['pool', 'pool', 'pool', 'done'],
    ],
    ['once when the server is read-only, even if it is not idempotent', [readOnly()], {}, ['new_on_lane', 'done']],
    ['on the pool when a server of the pool is read-only', [readOnly()], { lane: 'pool' }, ['new_on_pool', 'done']],
  ] as const)('%s', async (_, errors, of, expected) => {
    expect(await tries(errors, of)).toEqual(['first', ...expected]);
  });
});

describe('a statement is not sent again', () => {
  it.each([
    ['after a lost connection, unless it is idempotent', [lost()], {}, ['outcome_unknown']],
    [
      'after a lock timeout and a lost connection there, unless it is idempotent',
      [lock(), lost()],
      {},
      ['pool', 'outcome_unknown'],
    ],
    [
      'after four lost connections',
      [lost(), lost(), lost(), lost()],
      { idempotent: true },
      ['new_on_lane', 'new_on_lane', 'new_on_lane', 'outcome_unknown'],
    ],
    [
      'after the lost connection of a read, which has no outcome',
      [lost(), lost(), lost(), lost()],
      { idempotent: true, lane: 'read' },
      ['new_on_lane', 'new_on_lane', 'new_on_lane', 'unavailable'],
    ],
    [
      'after the lost connection of a list, which has no outcome either',
      [lost(), lost(), lost(), lost()],
      { idempotent: true, lane: 'pool', onlyReads: true },
      ['new_on_pool', 'new_on_pool', 'new_on_pool', 'unavailable'],
    ],
    [
      'after a silent connection of the pool, where the next one takes seconds to fail',
      [new Silence('the pool', 2000)],
      { idempotent: true, lane: 'pool', onlyReads: true },
      ['unavailable'],
    ],
    ['after a second lock timeout', [lock(), lock()], {}, ['pool', 'busy']],
    ['after a lock timeout on the pool', [lock()], { lane: 'pool' }, ['busy']],
    ['while the server stays read-only', [readOnly(), readOnly()], {}, ['new_on_lane', 'unavailable']],
    ['when new connections are read-only too', [readOnly(), new ReadOnlyServer()], {}, ['new_on_lane', 'unavailable']],
    ['when the disk is full', [server('53100')], { idempotent: true }, ['unavailable']],
    ['when the server has no memory', [server('53200')], {}, ['unavailable']],
    ['when the disk fails', [server('58030')], {}, ['unavailable']],
    ['after a bug', [server('42703')], { idempotent: true }, ['42703']],
  ] as const)('%s', async (_, errors, of, expected) => {
    expect(await tries(errors, of)).toEqual(['first', ...expected]);
  });

  it('leaves the outcome unknown when the server refuses the second try of a write', async () => {
    expect(await tries([lost(), server('53100')], { idempotent: true })).toEqual([
      'first',
      'new_on_lane',
      'outcome_unknown',
    ]);
    expect(await tries([lost(), lock(), lock()], { idempotent: true })).toEqual([
      'first',
      'new_on_lane',
      'pool',
      'outcome_unknown',
    ]);
  });
});

it('sends Retry-After with every refusal of the server', async () => {
  for (const code of ['25006', '53100', '53200', '53300', '57P01', '57P03', '58030', '08006']) {
    const refused = sendUntilDone({ name: 'test', lane: 'pool', idempotent: false, onlyReads: false }, () =>
      Promise.reject(server(code)),
    );
    await expect(refused, code).rejects.toMatchObject({ code: 'unavailable', status: 503, retryAfterSeconds: 5 });
  }
});
