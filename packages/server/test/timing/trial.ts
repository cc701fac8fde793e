/** Samples of response times by the state of the address, and how well they distinguish the states. */
import { randomInt } from 'node:crypto';
import { formatSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { renderedForm } from '../support/rendered-form.ts';
import { sameOrigin, validPassword } from '../support/user-actions.ts';
import { areaUnderCurve } from './auc.ts';
import { addressOf, type UserState, userStates } from './states.ts';

/** The observable part of a response. */
export interface ObservedResponse {
  readonly status: number;
  readonly body: string;
}

/** The content of a request, and the headers that a browser sends with it. */
export interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a request and reads the whole response. */
export type SendRequest = (path: string, content: Content) => Promise<ObservedResponse>;

type Fields = Readonly<Record<string, string>>;

interface Operation {
  readonly name: string;
  readonly path: string;
  readonly more: Fields;
  /** The form of a page instead of JSON. */
  readonly isForm?: true;
  /** A further cookie of the browser. */
  readonly cookie?: string;
  /** Replaces the address by what an earlier request returned, which is not measured. */
  readonly prepare?: (send: SendRequest, email: string) => Promise<Fields>;
  /** Each sample of an absent address has a new one, because the operation makes it exist. */
  readonly createsAddress?: true;
  /** In the long proof only: the short form measures the same work by another operation. */
  readonly isLong?: true;
  /** The status in every state. */
  readonly status: number;
}

const registration: Operation = {
  name: 'register',
  path: '/api/v1/auth/register',
  more: { password: validPassword, name: 'Ada Lovelace' },
  createsAddress: true,
  status: 201,
};

/** A wrong code, with the ticket of a registration: only that of a free or unverified address has a code at all. */
const code: Operation = {
  name: 'code of a sign-up',
  path: '/api/v1/auth/verify-email',
  more: { code: '000000' },
  createsAddress: true,
  prepare: async (send, email) => {
    const { body } = await send(registration.path, asJson({ email, ...registration.more }));
    return { ticket: (JSON.parse(body) as { readonly data: { readonly ticket: string } }).data.ticket };
  },
  status: 401,
};

/** The public operations that take an address. */
export const operations: readonly Operation[] = [
  { name: 'login', path: '/api/v1/auth/login', more: { password: 'not the right password' }, status: 401 },
  { name: 'forgot', path: '/api/v1/auth/forgot-password', more: {}, status: 202 },
  registration,
  { name: 'login page', path: '/login', more: { password: 'not the right password' }, isForm: true, status: 401 },
  { name: 'login link page', path: '/login', more: { act: 'magic_link' }, isForm: true, isLong: true, status: 200 },
  { name: 'login code page', path: '/login', more: { act: 'email_code' }, isForm: true, isLong: true, status: 200 },
  {
    name: 'wrong code page',
    path: '/login/email-code',
    more: { code: '000000' },
    isForm: true,
    isLong: true,
    cookie: `latchkey_login=${formatSecret(secretPrefixes.loginBrowser, Buffer.alloc(32, 7))}`,
    status: 401,
  },
  { name: 'forgot page', path: '/forgot-password', more: {}, isForm: true, status: 200 },
  {
    name: 'register page',
    path: '/register',
    more: registration.more,
    isForm: true,
    createsAddress: true,
    status: 303,
  },
  code,
];

function asJson(fields: Fields): Content {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) };
}

function asForm(fields: Fields, cookie = 'none=1'): Content {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const headers = { ...type, ...sameOrigin, cookie: `${renderedForm.cookie}; ${cookie}` };
  return { headers, body: new URLSearchParams({ ...renderedForm.fields, ...fields }).toString() };
}

/** Two states, and how well response times of an operation distinguish them. */
export interface Pair {
  readonly operation: string;
  readonly states: readonly [UserState, UserState];
  readonly area: number;
}

/**
 * Requests of each operation per user. Two operations type wrong passwords: together fewer than the five that cause a
 * delay. More than one, so that fewer users are needed than samples.
 */
const requestsPerUser = 2;

/** The number of users per state for `samples` samples. */
export function usersFor(samples: number): number {
  return Math.ceil(samples / requestsPerUser);
}

/** Registers `count` users without verifying them; `addUsers` adds the others. */
export async function registerUnverified(send: SendRequest, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const fields = { email: addressOf('unverified', number), ...registration.more };
    const { status } = await send(registration.path, asJson(fields));
    if (status !== registration.status) throw new Error(`a registration returned ${status}`);
  }
}

/** The order within a block is random, so that after-effects of a sample are spread over all states. */
const samplesInBlock = 20;

export class TimingTrial {
  readonly #send: SendRequest;
  readonly #states: readonly UserState[];
  readonly #operations: readonly Operation[];
  readonly #samples = new Map<string, number[]>();
  readonly #responses = new Map<string, Set<string>>();
  #taken = 0;

  /** @param send reaches a server with at least `usersFor(samples)` users per state. */
  constructor(send: SendRequest, states: readonly UserState[] = userStates, isShort = false) {
    this.#send = send;
    this.#states = states;
    this.#operations = operations.filter(({ isLong }) => !(isShort && isLong));
  }

  /** Takes `samples` further samples of each state for each operation, sequentially. */
  async take(samples: number): Promise<void> {
    const until = this.#taken + samples;
    while (this.#taken < until) {
      const size = Math.min(samplesInBlock, until - this.#taken);
      for (const operation of this.#operations) await this.#takeBlock(operation, size);
      this.#taken += size;
    }
  }

  async #takeBlock(operation: Operation, size: number): Promise<void> {
    const numbers = Array.from({ length: size }, (_, index) => this.#taken + index);
    const order = shuffled(this.#states.flatMap((state) => numbers.map((number) => ({ state, number }))));
    for (const { state, number } of order) await this.#takeOne(operation, state, number);
  }

  async #takeOne(operation: Operation, state: UserState, number: number): Promise<void> {
    const { name, path, more, isForm, cookie, prepare, status: expected } = operation;
    const email = addressForSample(operation, state, number);
    const prepared = (await prepare?.(this.#send, email)) ?? { email };
    const fields = { ...prepared, ...more };
    const content = isForm ? asForm(fields, cookie) : asJson(fields);
    const start = performance.now();
    const { status, body } = await this.#send(path, content);
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
    return this.#operations.flatMap(({ name }) =>
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
    const few = this.#operations.flatMap(({ name }) =>
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

/** An address in this state. */
function addressForSample({ name, createsAddress }: Operation, state: UserState, number: number): string {
  if (!createsAddress || state !== 'absent') return addressOf(state, Math.floor(number / requestsPerUser));
  const creating = operations.filter((operation) => operation.createsAddress);
  const place = creating.findIndex((operation) => operation.name === name);
  return addressOf(state, firstNewNumber + place * numbersPerOperation + number);
}

const numbersPerOperation = 100_000;

/** Above every number in use. */
const firstNewNumber = 500_000;

/** Removes the parts that always differ: address, time and request id. */
function withoutVariableParts(body: string, email: string): string {
  return body
    .replaceAll(email, 'the address')
    .replace(/"timestamp":"[^"]*"/, '"timestamp"')
    .replace(/"requestId":"[^"]*"/, '"requestId"')
    .replace(/"ticket":"[^"]*","ticketExpiresAt":"[^"]*"/, '"ticket"');
}

function shuffled<T>(values: readonly T[]): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const place = randomInt(last + 1);
    [result[last], result[place]] = [result[place] as T, result[last] as T];
  }
  return result;
}
