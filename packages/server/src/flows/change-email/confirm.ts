/** Pressing a link that confirms: at the new address and, where both have to, at the old one. */

import { claimProvenEmail, holdPrimaryEmail } from '#domain/identifiers/index.ts';
import { enqueueMail } from '#domain/mail-ledger/index.ts';
import {
  type ChangeSide,
  changeSides,
  consume,
  findActive,
  issueToken,
  type NewAddress,
  type OneTimeToken,
  openNewAddress,
  otherLinkState,
  sideOf,
  tokenLifetimeSeconds,
} from '#domain/one-time-tokens/index.ts';
import { supersedeRegistration } from '#domain/registrations/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries, Values } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { type ChangeEmail, endEverything, eventOf, lockPeople } from './change-email.ts';
import { findOtherHolder } from './statements.ts';

/** A live link, and what it carries. */
export interface ConfirmLink {
  readonly token: OneTimeToken;
  readonly newAddress: NewAddress;
  readonly userKey: UserKey;
}

/** Looks at a link without using it. */
export async function readConfirmLink(flow: ChangeEmail, text: string): Promise<ConfirmLink | undefined> {
  const token = await findActive(flow.database, 'confirm_email_change', text, flow.clock.now());
  const userKey = token === undefined ? undefined : await flow.users.key(token.userId);
  if (token === undefined || userKey === undefined) return undefined;
  const sealed = present(token.sealedPayload, 'the new address of a confirming link');
  return { token, userKey, newAddress: openNewAddress(userKey, token.id, sealed) };
}

/** What pressing came to. */
export type Confirmation = { readonly kind: 'changed' } | { readonly kind: 'waiting'; readonly waitingFor: ChangeSide };

/** Where the change waits for the other link; undefined when it waits for none. */
export async function findMissing(flow: ChangeEmail, link: ConfirmLink): Promise<ChangeSide | undefined> {
  const other = await otherLinkState(flow.database, link.token.userId, link.newAddress, flow.clock.now());
  return other === 'pending' ? otherSide(link.token) : undefined;
}

/** The address changed hands between reading and writing at most this often; then the presser may try again. */
const maxTries = 3;

/**
 * Puts the new address in the place of the old one, which stays held until the link that undoes this has expired; or,
 * when the other address has to confirm as well, notes that this one did.
 * The change ends every session, whoever pressed: a mail's link does not show which of them is the reader's.
 */
export async function confirmChange(flow: ChangeEmail, text: string, caller: Caller): Promise<Confirmation> {
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const link = await readConfirmLink(flow, text);
    if (link === undefined) throw new Problem('invalid_token');
    const confirmed = await tryToConfirm(flow, { text, link, caller });
    if (confirmed.kind === 'changed_hands') continue;
    if (confirmed.kind === 'waiting') return { kind: 'waiting', waitingFor: otherSide(link.token) };
    return { kind: 'changed' };
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the address changed hands at every attempt' });
}

interface Press {
  readonly text: string;
  readonly link: ConfirmLink;
  readonly caller: Caller;
}

type Pressed = { readonly kind: 'changed' | 'waiting' | 'changed_hands' };

/** Thrown, so that the transaction takes the use of the link back. */
class ChangedHands extends Error {}

async function tryToConfirm(flow: ChangeEmail, press: Press): Promise<Pressed> {
  const { token, newAddress } = press.link;
  const { canonical } = newAddress;
  const seen = await flow.database.row(findOtherHolder, { canonical, userId: token.userId });
  try {
    return await flow.database.transaction((tx) => confirm(flow, tx, press, seen));
  } catch (error) {
    if (error instanceof ChangedHands) return { kind: 'changed_hands' };
    throw error;
  }
}

async function confirm(
  flow: ChangeEmail,
  tx: Queries,
  { text, link, caller }: Press,
  seen: Taking['seen'],
): Promise<Pressed> {
  const now = flow.clock.now();
  const { userId } = link.token;
  const { canonical } = link.newAddress;
  await lockPeople(flow, tx, [userId, seen?.userId]);
  const used = await consume(tx, 'confirm_email_change', text, now);
  if (used === undefined) throw new Problem('invalid_token');
  const other = await otherLinkState(tx, userId, link.newAddress, now);
  if (other === 'inactive') throw new Problem('invalid_token', { log: 'the other link of the change is inactive' });
  if (other === 'pending') {
    await noteConfirmation(flow, tx, link, caller, now);
    return { kind: 'waiting' };
  }
  await takeFromUnproven(flow, tx, { canonical, userId, seen, now });
  await replaceAddress(flow, tx, link, caller, now);
  return { kind: 'changed' };
}

function otherSide(token: OneTimeToken): ChangeSide {
  const side = sideOf(token);
  return present(
    changeSides.find((other) => other !== side),
    'the other side',
  );
}

/** The first of two links. Nothing but the link itself has changed. */
async function noteConfirmation(
  flow: ChangeEmail,
  tx: Queries,
  { token, userKey }: ConfirmLink,
  caller: Caller,
  now: Date,
): Promise<void> {
  const event = eventOf('email.change_confirmed', token.userId, now, caller);
  await flow.audit.record(tx, { ...event, facts: { at: sideOf(token) } }, userKey);
}

interface Taking {
  readonly canonical: string;
  readonly userId: string;
  /** The other holder whose row is locked. */
  readonly seen: Values<typeof findOtherHolder.columns> | undefined;
  readonly now: Date;
}

/**
 * Whoever registered with the address and never proved it loses it to whoever just did (invariant 18).
 * Who proved it, or may still take it back, keeps it.
 */
async function takeFromUnproven(
  flow: ChangeEmail,
  tx: Queries,
  { canonical, userId, seen, now }: Taking,
): Promise<void> {
  const holder = await tx.row(findOtherHolder, { canonical, userId });
  if (holder === undefined) return;
  if (holder.verifiedAt !== null) throw new Problem('email_unavailable');
  if (holder.userId !== seen?.userId) throw new ChangedHands();
  if (!(await supersedeRegistration(tx, flow.audit, holder.userId, now))) throw new Problem('email_unavailable');
}

async function replaceAddress(
  flow: ChangeEmail,
  tx: Queries,
  { token, newAddress, userKey }: ConfirmLink,
  caller: Caller,
  now: Date,
): Promise<void> {
  const { userId, locale } = token;
  const until = addSeconds(now, tokenLifetimeSeconds.undo_email_change);
  const old = present(await holdPrimaryEmail(tx, userId, until), 'the address of who changes it');
  const claimed = { id: flow.makeId(), userId, address: newAddress, now };
  if (!(await claimProvenEmail(tx, claimed))) throw new ChangedHands();
  const authEpoch = await endEverything(flow, tx, userId, 'email_changed', now);
  const tokenId = flow.tokens.newId();
  const undo = {
    id: tokenId,
    purpose: 'undo_email_change',
    userId,
    identifierId: old.id,
    authEpoch,
    sealedPayload: null,
    now,
    expiresAt: until,
  } as const;
  await issueToken(tx, flow.tokens.values(undo));
  const notice = { template: 'email_changed_notice', params: {}, identifierId: old.id, tokenId } as const;
  await enqueueMail(tx, flow.mail.values({ ...notice, locale, userId, userKey, now }));
  const addresses = { from: old.canonical, to: newAddress.canonical };
  await flow.audit.record(tx, eventOf('email.changed', userId, now, caller, addresses), userKey);
}
