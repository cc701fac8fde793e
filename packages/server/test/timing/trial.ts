/** Samples of how long answers take, by who stands behind the address, and what can be told from them. */
import { randomInt } from 'node:crypto';
import { validPassword } from '../support/user-actions.ts';
import { areaUnderCurve } from './auc.ts';
import { addressOf, type UserState, userStates } from './states.ts';

/** What a stranger sees of an answer. */
export interface Seen {
  readonly status: number;
  readonly body: string;
}

/** Sends a request and reads its whole answer. */
export type Ask = (path: string, json: object) => Promise<Seen>;

interface Operation {
  readonly name: string;
  readonly path: string;
  readonly more: Readonly<Record<string, string>>;
  /** What everybody is answered. */
  readonly status: number;
}

const registration: Operation = {
  name: 'register',
  path: '/api/v1/auth/register',
  more: { password: validPassword, name: 'Ada Lovelace' },
  status: 201,
};

/** What strangers may ask about an address. */
export const operations: readonly Operation[] = [
  { name: 'login', path: '/api/v1/auth/login', more: { password: 'not the right password' }, status: 401 },
  { name: 'forgot', path: '/api/v1/auth/forgot-password', more: {}, status: 202 },
  registration,
];

/** Two kinds of people, and how well a stopwatch tells them apart by one operation. */
export interface Pair {
  readonly operation: string;
  readonly states: readonly [UserState, UserState];
  readonly area: number;
}

/**
 * How often each operation asks about one person. Less than the five wrong passwords after which somebody has to wait,
 * and more than one, so that fewer people have to be made than samples are taken.
 */
const asksOfOne = 4;

/** How many of each state are asked about when so many samples are taken. */
export function peopleFor(samples: number): number {
  return Math.ceil(samples / asksOfOne);
}

/** Registers so many who then never press their link; the others are made by `addPeople`. */
export async function registerUnverified(ask: Ask, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const { status } = await ask(registration.path, { email: addressOf('unverified', number), ...registration.more });
    if (status !== registration.status) throw new Error(`a registration was answered with ${status}`);
  }
}

/** Within a block the order is random: what a sample leaves behind meets every other state as often as any. */
const samplesInBlock = 20;

/** The samples of one server. */
export class TimingTrial {
  readonly #ask: Ask;
  readonly #samples = new Map<string, number[]>();
  readonly #answers = new Map<string, Set<string>>();
  #taken = 0;

  /** @param ask reaches a server where there are as many people as `peopleFor` says. */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Takes so many further samples of each state for each operation, one after the other. */
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
    const order = shuffled(userStates.flatMap((state) => numbers.map((number) => ({ state, number }))));
    for (const { state, number } of order) await this.#takeOne(operation, state, number);
  }

  async #takeOne({ name, path, more, status: expected }: Operation, state: UserState, number: number): Promise<void> {
    const email = addressFor(name, state, number);
    const json = { email, ...more };
    const start = performance.now();
    const { status, body } = await this.#ask(path, json);
    const milliseconds = performance.now() - start;
    this.samplesOf(name, state).push(milliseconds);
    if (status !== expected) throw new Error(`${name} for ${state} was answered with ${status} ${body}`);
    const answer = withoutChance(body, email);
    this.#answers.set(name, (this.#answers.get(name) ?? new Set()).add(answer));
  }

  /** Milliseconds in the order in which they were taken. */
  samplesOf(operation: string, state: UserState): number[] {
    const key = `${operation} ${state}`;
    const known = this.#samples.get(key);
    if (known !== undefined) return known;
    const made: number[] = [];
    this.#samples.set(key, made);
    return made;
  }

  /** Every two states of every operation. */
  pairs(): Pair[] {
    return operations.flatMap(({ name }) =>
      userStates.flatMap((one, index) =>
        userStates.slice(index + 1).map((other) => ({
          operation: name,
          states: [one, other] as const,
          area: areaUnderCurve(this.samplesOf(name, one), this.samplesOf(name, other)),
        })),
      ),
    );
  }

  /**
   * One sentence for every pair that is told apart better than `tolerance` from a coin, for operations that do not answer
   * everybody alike, and for too few samples.
   */
  faults({ samples, tolerance }: { readonly samples: number; readonly tolerance: number }): string[] {
    const few = operations.flatMap(({ name }) =>
      userStates
        .filter((state) => this.samplesOf(name, state).length < samples)
        .map((state) => `${name}: fewer than ${samples} samples of ${state}`),
    );
    const apart = this.pairs().filter(({ area }) => !(Math.abs(area - 0.5) <= tolerance));
    const told = apart.map(
      ({ operation, states, area }) => `${operation}: ${states.join(' and ')}, ${area.toFixed(3)}`,
    );
    const different = [...this.#answers].filter(([, answers]) => answers.size > 1);
    return [...few, ...told, ...different.map(([name, answers]) => `${name} answers ${[...answers].join(' and ')}`)];
  }
}

/** Somebody of this state; whoever registers is no longer absent, so each time it is somebody else. */
function addressFor(operation: string, state: UserState, number: number): string {
  const isNewEachTime = operation === 'register' && state === 'absent';
  return addressOf(state, isNewEachTime ? firstNewcomer + number : Math.floor(number / asksOfOne));
}

/** Above every number of somebody who is there from the start. */
const firstNewcomer = 500_000;

/** What must differ between two answers: the address, the time and the request's id. */
function withoutChance(body: string, email: string): string {
  return body
    .replaceAll(email, 'the address')
    .replace(/"timestamp":"[^"]*"/, '"timestamp"')
    .replace(/"requestId":"[^"]*"/, '"requestId"');
}

function shuffled<T>(values: readonly T[]): T[] {
  const all = [...values];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const place = randomInt(last + 1);
    [all[last], all[place]] = [all[place] as T, all[last] as T];
  }
  return all;
}
