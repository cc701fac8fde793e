/** The report of a passkey whose counter did not grow. */
import { enqueueMail } from '#domain/mail-ledger/index.ts';
import { StuckCounter } from '#domain/passkeys/index.ts';
import type { Users } from '#domain/users/index.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Database } from '#platform/database/index.ts';
import type { LoginWriter } from './complete.ts';

interface Reporter extends Pick<LoginWriter, 'clock' | 'mail' | 'audit'> {
  readonly database: Database;
  readonly users: Users;
}

/** Runs the transaction of a proof. After a stuck counter has rolled it back, records the event and mails the user. */
export async function reportingStuckCounter<T>(
  gate: Reporter,
  { userId }: { readonly userId: string },
  requester: Requester,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StuckCounter) await report(gate, userId, error, requester);
    throw error;
  }
}

async function report(
  { database, users, clock, audit, mail }: Reporter,
  userId: string,
  { passkeyId }: StuckCounter,
  requester: Requester,
): Promise<void> {
  await database.transaction(async (tx) => {
    const now = clock.now();
    await users.lock(tx, userId);
    const userKey = await users.key(userId, tx);
    if (userKey === undefined) return;
    const event = {
      action: 'passkey.counter_stuck',
      at: now,
      actor: { kind: 'anonymous' },
      userId,
      facts: { passkeyId },
      personal: clientInfoOf(requester),
    } as const;
    await audit.record(tx, event, userKey);
    const recipient = await users.primaryEmail(userId, tx);
    if (recipient === undefined) return;
    const notice = { template: 'passkey_counter_stuck', tokenId: null, params: {} } as const;
    await enqueueMail(tx, mail.values({ ...recipient, ...notice, userId, userKey, now }));
  });
}
