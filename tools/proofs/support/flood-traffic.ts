/** The requests of a flood: correct and wrong passwords, unknown emails and registrations, from many client addresses. */

import { requestBytes } from '../../../bench/support/requests.ts';
import { type BenchUser, password } from '../../../bench/support/users.ts';

export type FloodKind = 'right password' | 'wrong password' | 'unknown address' | 'registration';

/** The statuses that each kind may receive. */
export const allowedStatuses: Readonly<Record<FloodKind, readonly number[]>> = {
  'right password': [200, 429, 503],
  'wrong password': [401, 429, 503],
  'unknown address': [401, 429, 503],
  registration: [201, 429, 503],
};

/** A cycle of twenty requests. Unknown emails are the most frequent, because each of them costs a hash. */
const mix: readonly FloodKind[] = Array.from({ length: 20 }, (_, index) => kindOf((index * 7) % 20));

function kindOf(place: number): FloodKind {
  if (place < 5) return 'right password';
  if (place < 9) return 'wrong password';
  return place < 17 ? 'unknown address' : 'registration';
}

/** Every eleventh request comes from one of a few addresses, which soon exhaust their quota. */
const loudEvery = 11;
const loudAddresses = 8;

/** Every tenth request opens its own connection. */
const closingEvery = 10;

export function floodRequest(
  people: readonly BenchUser[],
  number: number,
): { readonly bytes: Buffer; readonly context: FloodKind; readonly closes: boolean } {
  const kind = mix[number % mix.length] as FloodKind;
  const closes = number % closingEvery === 0;
  const headers = { 'x-forwarded-for': addressOf(number), ...(closes && { connection: 'close' }) };
  const user = people[number % people.length] as BenchUser;
  const path = `/api/v1/auth/${kind === 'registration' ? 'register' : 'login'}`;
  return { bytes: requestBytes('POST', path, { headers, body: bodyOf(kind, number, user) }), context: kind, closes };
}

function bodyOf(kind: FloodKind, number: number, { email, deviceToken }: BenchUser): object {
  switch (kind) {
    case 'right password':
      return { email, password, deviceToken };
    case 'wrong password':
      return { email, password: `${password} ${number}` };
    case 'unknown address':
      return { email: `stranger-${number}@example.org`, password };
    case 'registration':
      return { email: `newcomer-${number}@example.org`, password, name: 'Newcomer' };
  }
}

/** Half of the addresses are IPv6, each in its own /64. */
function addressOf(number: number): string {
  if (number % loudEvery === 0) return `198.51.100.${(number / loudEvery) % loudAddresses}`;
  if (number % 2 === 0) return `2001:db8:${(number >> 16).toString(16)}:${(number & 0xffff).toString(16)}::1`;
  return `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}
