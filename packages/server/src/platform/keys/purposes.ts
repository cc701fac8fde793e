/** What each purpose's key is used for; one key is never used with two algorithms. */
import { assert } from '#kernel/assert.ts';
import type { KeyPurpose } from './keys.ts';

const uses = {
  user_key: 'seal',
  password: 'seal',
  link: 'mac',
  rotation: 'mac',
  signing_key: 'seal',
  cursor: 'mac',
  device: 'mac',
  lookup: 'mac',
  nobody: 'seal',
} as const satisfies Record<KeyPurpose, 'seal' | 'mac'>;

/** All purposes. */
export const keyPurposes = Object.keys(uses) as readonly KeyPurpose[];

/** Refuses a key of one algorithm for the other. */
export function assertUse(purpose: KeyPurpose, use: 'seal' | 'mac'): void {
  assert(uses[purpose] === use, `keys for "${purpose}" do not ${use}`);
}

/**
 * The period whose key a purpose uses at a time: the month for `nobody`, so that destroying one month's key erases that
 * month; empty for the others.
 */
export function periodOf(purpose: KeyPurpose, now: Date): string {
  return purpose === 'nobody' ? now.toISOString().slice(0, 7) : '';
}

/** The periods whose keys must exist now: the next month's is made ahead, so that no seal ever waits for one. */
export function periodsNeeded(purpose: KeyPurpose, now: Date): readonly string[] {
  if (purpose !== 'nobody') return [''];
  const nextMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
  return [periodOf(purpose, now), periodOf(purpose, nextMonth)];
}
