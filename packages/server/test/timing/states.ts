/** The states that an address can have, and users in these states. */
import type { Services } from '#app/wiring.ts';
import { passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { scheduleDeletion } from '#domain/users/index.ts';
import { createUser, disableUser } from '#flows/admin-users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { oldHashVectors } from '../support/old-hash-vectors.ts';
import { operator } from '../support/operator.ts';
import { validPassword } from '../support/user-actions.ts';

/**
 * The seven states that must be indistinguishable. A delayed or blocked user is not among them: that response differs
 * openly, and also for unknown addresses (invariant 2).
 */
export const userStates = [
  'absent',
  'unverified',
  'active',
  'disabled',
  'pending_deletion',
  'without a password',
  'imported',
] as const;

export type UserState = (typeof userStates)[number];

/** All addresses have the same length, and their index order is independent of their state. */
export function addressOf(state: UserState, number: number): string {
  return `p${String(number).padStart(6, '0')}.${userStates.indexOf(state)}@people.example`;
}

const graceSeconds = 30 * 24 * 60 * 60;

/** Adds `count` users for each state, except `unverified` ones, which `registerUnverified` adds. */
export async function addUsers(services: Services, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await addUser(services, 'active', number);
    await disableUser(services, operator, await addUser(services, 'disabled', number));
    await deleteUser(services, await addUser(services, 'pending_deletion', number));
    await addUser(services, 'without a password', number);
    await storeOldHash(services, await addUser(services, 'imported', number));
  }
}

async function addUser(services: Services, state: UserState, number: number): Promise<string> {
  const email = addressOf(state, number);
  const user = { email: { asTyped: email, canonical: email }, name: 'Ada Lovelace', locale: 'en', roles: [] };
  const password = state === 'without a password' || state === 'imported' ? undefined : validPassword;
  const created = await createUser(services, operator, { ...user, password });
  if (created.kind !== 'created') throw new Error(`${email} is taken`);
  return created.userId;
}

/** A hash of another product that costs microseconds: without the decoy, a wrong password would be faster. */
const [, oldHash] = oldHashVectors['LDAP, salted SHA-2'].vectors[0];

async function storeOldHash({ database, keys, clock }: Services, userId: string): Promise<void> {
  const sealed = keys.seal('password', oldHash, passwordAssociatedData(userId));
  await database.transaction((tx) => setPassword(tx, userId, sealed, clock.now()));
}

async function deleteUser(services: Services, userId: string): Promise<void> {
  const { database, clock } = services;
  const now = clock.now();
  const change = { userId, now, deletesAt: addSeconds(now, graceSeconds) };
  const result = await database.transaction((tx) => scheduleDeletion(tx, change));
  if (result === undefined) throw new Error('the active user could not be deleted');
}
