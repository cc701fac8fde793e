import type { Services } from '#app/wiring.ts';
import { issueTicket } from '#domain/authentication/tickets.ts';
import { defaultClientId } from '#domain/clients/index.ts';

/** The ticket of a login whose password was proven. No flow issues it to every user; undefined for a disabled one. */
export async function issuePasswordTicket(
  { database, makeId, clock }: Pick<Services, 'database' | 'makeId' | 'clock'>,
  userId: string,
  authEpoch: number,
): Promise<string | undefined> {
  const now = clock.now();
  const factor = { amr: 'pwd', kind: 'knowledge', userVerified: false, factorTime: 'pwd' } as const;
  const proven = [{ ...factor, at: now.toISOString() }];
  const login = { userId, authEpoch, clientId: defaultClientId, transport: 'token', proven, beganAt: now } as const;
  return (await database.transaction((tx) => issueTicket(tx, makeId, login, now)))?.text;
}
