/** The algorithm and the period of each purpose. A key is never used with two algorithms. */
import { assert } from '#kernel/assert.ts';
import type { KeyPurpose } from './keys.ts';

const uses = {
  user_key: 'seal',
  password: 'seal',
  link: 'mac',
  rotation: 'mac',
  signing_key: 'seal',
  provider: 'seal',
  cursor: 'mac',
  device: 'mac',
  recovery: 'mac',
  ceremony: 'mac',
  lookup: 'mac',
  month: 'seal',
} as const satisfies Record<KeyPurpose, 'seal' | 'mac'>;

export const keyPurposes = Object.keys(uses) as readonly KeyPurpose[];

/** Throws when a purpose is used with the other algorithm. */
export function assertUse(purpose: KeyPurpose, use: 'seal' | 'mac'): void {
  assert(uses[purpose] === use, `keys for "${purpose}" do not ${use}`);
}

/**
 * The period of the key that a purpose uses at `now`: the month for `month`, so that destroying its key erases one month;
 * empty for the other purposes.
 */
export function periodOf(purpose: KeyPurpose, now: Date): string {
  return purpose === 'month' ? now.toISOString().slice(0, 7) : '';
}

/** The periods whose keys must exist. The next month's key is generated ahead, so that no encryption waits for it. */
export function periodsNeeded(purpose: KeyPurpose, now: Date): readonly string[] {
  if (purpose !== 'month') return [''];
  const nextMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
  return [periodOf(purpose, now), periodOf(purpose, nextMonth)];
}
