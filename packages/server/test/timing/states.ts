/** Who may stand behind an address, and how one of them is made. */
import type { Services } from '#app/wiring.ts';
import { scheduleDeletion } from '#domain/users/index.ts';
import { createUser, disableUser } from '#flows/admin-users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { operator } from '../support/operator.ts';
import { validPassword } from '../support/user-actions.ts';

/**
 * The six that a stranger could want to tell apart. Somebody who has to wait, or is stopped, after many guesses is not
 * among them: that is answered aloud, and for an address without a user as well (invariant 2).
 */
export const userStates = [
  'absent',
  'unverified',
  'active',
  'disabled',
  'pending_deletion',
  'without a password',
] as const;

export type UserState = (typeof userStates)[number];

/** Every address has the same length, and says nothing that its order in an index would follow. */
export function addressOf(state: UserState, number: number): string {
  return `p${String(number).padStart(6, '0')}.${userStates.indexOf(state)}@people.example`;
}

const graceSeconds = 30 * 24 * 60 * 60;

/** Makes so many of each who are there without having asked for it; `unverified` ones register, see `registerAll`. */
export async function addPeople(services: Services, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await addUser(services, 'active', number);
    await disableUser(services, operator, await addUser(services, 'disabled', number));
    await close(services, await addUser(services, 'pending_deletion', number));
    await addUser(services, 'without a password', number);
  }
}

async function addUser(services: Services, state: UserState, number: number): Promise<string> {
  const email = addressOf(state, number);
  const user = { email: { asTyped: email, canonical: email }, name: 'Ada Lovelace', locale: 'en', roles: [] };
  const password = state === 'without a password' ? undefined : validPassword;
  const made = await createUser(services, operator, { ...user, password });
  if (made.kind !== 'created') throw new Error(`${email} is taken`);
  return made.userId;
}

async function close(services: Services, userId: string): Promise<void> {
  const { database, clock } = services;
  const now = clock.now();
  const change = { userId, now, deletesAt: addSeconds(now, graceSeconds) };
  const ending = await database.transaction((tx) => scheduleDeletion(tx, change));
  if (ending === undefined) throw new Error('somebody active could not be closed');
}
