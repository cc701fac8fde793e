import type { Services } from '#app/wiring.ts';
import { issueTicket, type Ticket } from '#domain/authentication/tickets.ts';
import { defaultClientId } from '#domain/clients/index.ts';

type Issuers = Pick<Services, 'database' | 'makeId' | 'clock'>;

/** The ticket of a login whose password was proven. No flow issues it to every user; undefined for a disabled one. */
export async function issuePasswordTicket(
  services: Issuers,
  userId: string,
  authEpoch: number,
): Promise<string | undefined> {
  return (await issue(services, userId, authEpoch, null))?.text;
}

/** The same as a page issues it, to the browser of this hash. */
export function issuePageTicket(
  services: Issuers,
  userId: string,
  authEpoch: number,
  browserHash: Buffer,
): Promise<Ticket | undefined> {
  return issue(services, userId, authEpoch, browserHash);
}

async function issue(
  { database, makeId, clock }: Issuers,
  userId: string,
  authEpoch: number,
  browserHash: Buffer | null,
): Promise<Ticket | undefined> {
  const now = clock.now();
  const factor = { amr: 'pwd', kind: 'knowledge', userVerified: false, factorTime: 'pwd' } as const;
  const proven = [{ ...factor, at: now.toISOString() }];
  const transport = browserHash === null ? 'token' : 'cookie';
  const session = { clientId: defaultClientId, transport, continueTo: null } as const;
  const login = { userId, authEpoch, ...session, proven, beganAt: now, browserHash };
  return database.transaction((tx) => issueTicket(tx, makeId, login, now));
}
