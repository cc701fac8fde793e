/** Samples of response times by the state of the address, and how well they distinguish the states. */
import { randomInt } from 'node:crypto';
import { validPassword } from '../support/user-actions.ts';
import { areaUnderCurve } from './auc.ts';
import { addressOf, type UserState, userStates } from './states.ts';

/** The observable part of a response. */
export interface ObservedResponse {
  readonly status: number;
  readonly body: string;
}

/** Sends a request and reads the whole response. */
export type SendRequest = (path: string, json: object) => Promise<ObservedResponse>;

interface Operation {
  readonly name: string;
  readonly path: string;
  readonly more: Readonly<Record<string, string>>;
  /** The status in every state. */
  readonly status: number;
}

const registration: Operation = {
  name: 'register',
  path: '/api/v1/auth/register',
  more: { password: validPassword, name: 'Ada Lovelace' },
  status: 201,
};

/** The public operations that take an address. */
export const operations: readonly Operation[] = [
  { name: 'login', path: '/api/v1/auth/login', more: { password: 'not the right password' }, status: 401 },
  { name: 'forgot', path: '/api/v1/auth/forgot-password', more: {}, status: 202 },
  registration,
];

/** Two states, and how well response times of an operation distinguish them. */
export interface Pair {
  readonly operation: string;
  readonly states: readonly [UserState, UserState];
  readonly area: number;
}

/**
 * Requests of each operation per user: fewer than the five wrong passwords that cause a delay, and more than one, so
 * that fewer users are needed than samples.
 */
const requestsPerUser = 4;

/** The number of users per state for `samples` samples. */
export function usersFor(samples: number): number {
  return Math.ceil(samples / requestsPerUser);
}

/** Registers `count` users without verifying them; `addUsers` adds the others. */
export async function registerUnverified(send: SendRequest, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const { status } = await send(registration.path, { email: addressOf('unverified', number), ...registration.more });
    if (status !== registration.status) throw new Error(`a registration returned ${status}`);
  }
}

/** The order within a block is random, so that after-effects of a sample are spread over all states. */
const samplesInBlock = 20;

export class TimingTrial {
  readonly #send: SendRequest;
  readonly #states: readonly UserState[];
  readonly #samples = new Map<string, number[]>();
  readonly #responses = new Map<string, Set<string>>();
  #taken = 0;

  /** @param send reaches a server with at least `usersFor(samples)` users per state. */
  constructor(send: SendRequest, states: readonly UserState[] = userStates) {
    this.#send = send;
    this.#states = states;
  }

  /** Takes `samples` further samples of each state for each operation, sequentially. */
  async take(samples: number): Promise<void> {
    const until = this.#taken + samples;
    while (this.#taken < until) {
      const size = Math.min(samplesInBlock, until - this.#taken);
      for (const operation of operations) await this.#takeBlock(operation, size);
      this.#taken += size;
    }
  }

  async #takeBlock(operation: Operation, size: number): Promise<void> {
    const numbers = Array.from({ length: size }, (_, index) => this.#taken + index);
    const order = shuffled(this.#states.flatMap((state) => numbers.map((number) => ({ state, number }))));
    for (const { state, number } of order) await this.#takeOne(operation, state, number);
  }

  async #takeOne({ name, path, more, status: expected }: Operation, state: UserState, number: number): Promise<void> {
    const email = addressForSample(name, state, number);
    const json = { email, ...more };
    const start = performance.now();
    const { status, body } = await this.#send(path, json);
    const milliseconds = performance.now() - start;
    this.samplesOf(name, state).push(milliseconds);
    if (status !== expected) throw new Error(`${name} for ${state} returned ${status} ${body}`);
    const response = withoutVariableParts(body, email);
    this.#responses.set(name, (this.#responses.get(name) ?? new Set()).add(response));
  }

  /** Milliseconds, in the order of the samples. */
  samplesOf(operation: string, state: UserState): number[] {
    const key = `${operation} ${state}`;
    const existing = this.#samples.get(key);
    if (existing !== undefined) return existing;
    const created: number[] = [];
    this.#samples.set(key, created);
    return created;
  }

  /** Every pair of states for each operation. */
  pairs(): Pair[] {
    return operations.flatMap(({ name }) =>
      this.#states.flatMap((one, index) =>
        this.#states.slice(index + 1).map((other) => ({
          operation: name,
          states: [one, other] as const,
          area: areaUnderCurve(this.samplesOf(name, one), this.samplesOf(name, other)),
        })),
      ),
    );
  }

  /**
   * Returns a sentence for every pair that response times distinguish by more than `tolerance`, for operations whose
   * responses differ between states, and for too few samples.
   */
  faults({ samples, tolerance }: { readonly samples: number; readonly tolerance: number }): string[] {
    const few = operations.flatMap(({ name }) =>
      this.#states
        .filter((state) => this.samplesOf(name, state).length < samples)
        .map((state) => `${name}: fewer than ${samples} samples of ${state}`),
    );
    const outside = this.pairs().filter(({ area }) => !(Math.abs(area - 0.5) <= tolerance));
    const distinguished = outside.map(
      ({ operation, states, area }) => `${operation}: ${states.join(' and ')}, ${area.toFixed(3)}`,
    );
    const different = [...this.#responses].filter(([, responses]) => responses.size > 1);
    return [
      ...few,
      ...distinguished,
      ...different.map(([name, responses]) => `${name} returns ${[...responses].join(' and ')}`),
    ];
  }
}

/** An address in this state. Registration needs a new absent address for each sample. */
function addressForSample(operation: string, state: UserState, number: number): string {
  const isNewEachTime = operation === 'register' && state === 'absent';
  return addressOf(state, isNewEachTime ? firstNewNumber + number : Math.floor(number / requestsPerUser));
}

/** Above every number in use. */
const firstNewNumber = 500_000;

/** Removes the parts that always differ: address, time and request id. */
function withoutVariableParts(body: string, email: string): string {
  return body
    .replaceAll(email, 'the address')
    .replace(/"timestamp":"[^"]*"/, '"timestamp"')
    .replace(/"requestId":"[^"]*"/, '"requestId"');
}

function shuffled<T>(values: readonly T[]): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const place = randomInt(last + 1);
    [result[last], result[place]] = [result[place] as T, result[last] as T];
  }
  return result;
}
