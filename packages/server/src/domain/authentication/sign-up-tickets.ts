/**
 * Tickets of sign-ups. Registering issues one for every address, taken or not, so that nothing tells the two apart
 * (invariant 13). It proves the password or the identity of its registration and belongs to no user, until a link or code confirms that
 * registration: `confirmSignUp` then gives it the user and the epoch in which the password holds. From then on it is the
 * ticket of a login, and whatever raises the epoch ends it.
 *
 * The row has the id of its registration. A ticket for a taken address has an id that no registration has.
 *
 * Example: Eve registers ada@x.example (registration r1, ticket t1), then Ada does (r2, t2). Ada presses the link of r2:
 * t2 gets Ada's user, and t1 stays nobody's.
 */
import { randomBytes } from 'node:crypto';
import { defaultClientId } from '#domain/clients/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Fragment, type Queries, statement, type Values } from '#platform/database/index.ts';
import { keyOfSecret } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { type ProofOfFactor, provenBy } from './proofs.ts';
import type { PresentedTicket, Ticket } from './tickets.ts';

/** The ticket of a sign-up as its client gets it. */
export type SignUpTicket = Ticket;

/** Long enough for a slow mail. The link lives longer: another person may sit at this browser by then. */
const signUpSeconds = 60 * 60;

/** Between two mails of one sign-up. */
export const resendSeconds = 60;

const params = {
  ticketId: 'uuid',
  ticketHash: 'bytea',
  ticketClientId: 'text',
  ticketTransport: 'text',
  ticketProven: 'jsonb',
  ticketBrowserHash: 'bytea?',
  ticketContinueTo: 'text?',
  ticketSealedAddress: 'bytea',
  ticketCreatedAt: 'timestamptz',
  ticketExpiresAt: 'timestamptz',
} as const;

/** The CTE `ticketed`: issues the ticket of a sign-up if the CTE `from` has a row. */
export function signUpTicketFragment(from: string): Fragment<typeof params> {
  return {
    sql: `ticketed as (
      insert into logins (id, ticket_hash, client_id, transport, proven, began_at, browser_hash, continue_to,
        sealed_address, mailed_at, created_at, expires_at)
      select :ticketId, :ticketHash, :ticketClientId, :ticketTransport, :ticketProven::jsonb, :ticketCreatedAt,
        :ticketBrowserHash, :ticketContinueTo, :ticketSealedAddress, :ticketCreatedAt, :ticketCreatedAt, :ticketExpiresAt
      from (select from ${from} limit 1) as cause
      returning id)`,
    params,
  };
}

/** How a registration is to go on once its address is confirmed. */
export interface SignUpOptions {
  readonly transport: 'cookie' | 'token';
  /** The browser of a page, which alone may present the ticket. */
  readonly browserHash?: Buffer | undefined;
  /** The path of ours that the sign-up leads to; the caller has validated it. */
  readonly continueTo?: string | undefined;
}

/** The address of a sign-up. Kept for its page, which shows it and sends further mails to it. */
export interface SignUpAddress {
  readonly asTyped: string;
  readonly canonical: string;
}

/** The values of `signUpTicketFragment`, and the ticket, whose text is stored nowhere. */
export interface NewSignUpTicket {
  readonly ticket: SignUpTicket;
  readonly values: Values<typeof params>;
}

/** The proof of a sign-up's ticket: the password, or the identity, that its registration carries. */
export type SignUpProof = Extract<ProofOfFactor, { readonly by: 'identity_provider' }> | { readonly by: 'password' };

/** @param registrationId one that no registration has, for an address that was not registered. */
export function newSignUpTicket(
  registrationId: string,
  address: SignUpAddress,
  { transport, browserHash, continueTo }: SignUpOptions,
  now: Date,
  proof: SignUpProof = { by: 'password' },
): NewSignUpTicket {
  const secret = randomBytes(32);
  const text = formatSecret(secretPrefixes.loginTicket, secret);
  const expiresAt = addSeconds(now, signUpSeconds);
  return {
    ticket: { id: registrationId, text, expiresAt },
    values: {
      ticketId: registrationId,
      ticketHash: hashSecret(text),
      ticketClientId: defaultClientId,
      ticketTransport: transport,
      ticketProven: [{ ...provenBy(proof, now) }],
      ticketBrowserHash: browserHash ?? null,
      ticketContinueTo: continueTo ?? null,
      ticketSealedAddress: addressKey(registrationId, secret).seal(
        JSON.stringify({ asTyped: address.asTyped, canonical: address.canonical }),
        addressCell(registrationId),
      ),
      ticketCreatedAt: now,
      ticketExpiresAt: expiresAt,
    },
  };
}

function addressKey(id: string, secret: Uint8Array) {
  return keyOfSecret(id, secret, 'address of a sign-up');
}

function addressCell(id: string) {
  return { table: 'logins', column: 'sealed_address', row: id };
}

const presented = `l.ticket_hash = :hash and l.browser_hash is not distinct from :browserHash::bytea
  and l.sealed_address is not null and l.expires_at > :now`;

/** How long the ticket of a completed sign-up is known: the second of two clicks comes right after the first. */
const usedSeconds = 60;

const find = statement('logins.find_sign_up', {
  lane: 'read',
  sql: `select l.id, l.sealed_address, l.mailed_at, l.continue_to, l.user_id, l.consumed_at is not null as is_used
    from logins l where ${presented} and (l.consumed_at is null or l.consumed_at > :usedSince)`,
  params: { hash: 'bytea', browserHash: 'bytea?', now: 'timestamptz', usedSince: 'timestamptz' },
  columns: {
    id: 'uuid',
    sealedAddress: 'bytea?',
    mailedAt: 'timestamptz?',
    continueTo: 'text?',
    userId: 'uuid?',
    isUsed: 'bool',
  },
});

/** A sign-up as the holder of its ticket sees it: the same for a taken address. */
export interface SignUp {
  /** The id of the registration, and of the ticket. */
  readonly id: string;
  readonly address: SignUpAddress;
  readonly mailedAt: Date;
  readonly continueTo: string | null;
  /** The user of the registration that a link or code has confirmed; null until then. */
  readonly userId: string | null;
  /** Whether the sign-up was completed, in the last minute. Its ticket then does nothing more. */
  readonly isUsed: boolean;
}

/**
 * Finds the sign-up of a ticket. Undefined for a ticket of a login, an expired one, one that was used a minute ago, and one of
 * another browser.
 */
export async function findSignUp(
  database: Database,
  { text, browserHash }: PresentedTicket,
  now: Date,
): Promise<SignUp | undefined> {
  const secret = parseSecret(secretPrefixes.loginTicket, text);
  if (secret === null) return undefined;
  const usedSince = addSeconds(now, -usedSeconds);
  const row = await database.row(find, { hash: hashSecret(text), browserHash: browserHash ?? null, now, usedSince });
  if (row === undefined) return undefined;
  const { id, sealedAddress, mailedAt, ...rest } = row;
  assert(mailedAt !== null && sealedAddress !== null, 'the ticket of a sign-up has an address and its first mail');
  const opened = addressKey(id, secret).open(sealedAddress, addressCell(id)).toString('utf8');
  return { id, address: JSON.parse(opened) as SignUpAddress, mailedAt, ...rest };
}

const reserve = statement('logins.reserve_mail', {
  lane: 'pool',
  sql: `update logins l set mailed_at = :now where ${presented} and l.consumed_at is null
    and l.mailed_at <= :before returning l.id`,
  params: { hash: 'bytea', browserHash: 'bytea?', now: 'timestamptz', before: 'timestamptz' },
  columns: { id: 'uuid' },
});

/** Takes the one further mail that a sign-up may request in a minute. False when it was taken. */
export async function reserveResend(
  database: Database,
  { text, browserHash }: PresentedTicket,
  now: Date,
): Promise<boolean> {
  const before = addSeconds(now, -resendSeconds);
  const values = { hash: hashSecret(text), browserHash: browserHash ?? null, now, before };
  return (await database.row(reserve, values)) !== undefined;
}

const confirm = statement('logins.confirm_sign_up', {
  lane: 'pool',
  sql: `update logins set user_id = :userId, auth_epoch = :authEpoch
    where id = :registrationId and sealed_address is not null and user_id is null and consumed_at is null`,
  params: { registrationId: 'uuid', userId: 'uuid', authEpoch: 'int4' },
  columns: {},
});

/**
 * Gives the ticket of a registration its user, in the transaction that sets the password of that registration and verifies
 * its address. No other caller may: the ticket then logs in without a password.
 *
 * @param authEpoch the epoch that this transaction began.
 */
export async function confirmSignUp(
  tx: Queries,
  confirmed: { readonly registrationId: string; readonly userId: string; readonly authEpoch: number },
): Promise<void> {
  await tx.run(confirm, confirmed);
}
