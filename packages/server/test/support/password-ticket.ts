import type { Services } from '#app/wiring.ts';
import { confirmSignUp, newSignUpTicket, signUpTicketFragment } from '#domain/authentication/index.ts';
import { issueTicket, type Ticket } from '#domain/authentication/tickets.ts';
import { defaultClientId } from '#domain/clients/index.ts';
import { statement } from '#platform/database/index.ts';

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

const signUpTicket = signUpTicketFragment('cause');

const issueOfSignUp = statement('test_tickets.issue_sign_up', {
  lane: 'pool',
  sql: `with cause as (select 1 as one), ${signUpTicket.sql} select id from ticketed`,
  params: signUpTicket.params,
  columns: { id: 'uuid' },
});

/** The ticket of a sign-up whose registration is confirmed, in whatever state the user is. */
export async function issueSignUpTicket(
  { database, makeId, clock }: Issuers,
  userId: string,
  authEpoch: number,
  browserHash?: Buffer,
): Promise<Ticket> {
  const registrationId = makeId();
  const address = { asTyped: 'ada@people.example', canonical: 'ada@people.example' };
  const transport = browserHash === undefined ? 'token' : 'cookie';
  const { ticket, values } = newSignUpTicket(registrationId, address, { transport, browserHash }, clock.now());
  await database.transaction(async (tx) => {
    await tx.row(issueOfSignUp, values);
    await confirmSignUp(tx, { registrationId, userId, authEpoch });
  });
  return ticket;
}
