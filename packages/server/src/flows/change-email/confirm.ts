/** Confirmation by a mailed link to the new address and, where both must confirm, by one to the old address. */

import { claimProvenEmail, holdPrimaryEmail } from '#domain/identifiers/index.ts';
import { occasionOf } from '#domain/mail-ledger/index.ts';
import {
  type ChangeSide,
  changeSides,
  consume,
  findActive,
  findUsed,
  issueToken,
  type NewAddress,
  type OneTimeToken,
  openNewAddress,
  otherLinkState,
  sideOf,
  tokenLifetimeSeconds,
} from '#domain/one-time-tokens/index.ts';
import { supersedeRegistration } from '#domain/registrations/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries, Values } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { findOtherHolder } from './statements.ts';

/** An active link with its decrypted payload. */
export interface ConfirmLink {
  readonly token: OneTimeToken;
  readonly newAddress: NewAddress;
  readonly userKey: UserKey;
}

/** Reads a link without using it. */
export async function readConfirmLink(flow: ChangeEmail, text: string): Promise<ConfirmLink | undefined> {
  const token = await findActive(flow.database, 'confirm_email_change', text, flow.clock.now());
  const userKey = token === undefined ? undefined : await flow.users.key(token.userId);
  if (token === undefined || userKey === undefined) return undefined;
  const sealed = present(token.sealedPayload, 'the payload of a confirmation link');
  return { token, userKey, newAddress: openNewAddress(userKey, token.id, sealed) };
}

/** The result of using a link: the address is changed, or the other address must still confirm. */
export type Confirmation = { readonly kind: 'changed' } | { readonly kind: 'waiting'; readonly waitingFor: ChangeSide };

/** The address that must still confirm after this link is used, if there is one. */
export async function findMissing(flow: ChangeEmail, link: ConfirmLink): Promise<ChangeSide | undefined> {
  const other = await otherLinkState(flow.database, link.token.userId, link.newAddress, flow.clock.now());
  return other === 'pending' ? otherSide(link.token) : undefined;
}

/**
 * Returns what the use of a link led to, if that still holds: the user has the new address, or the other address must still
 * confirm.
 */
export async function findConfirmed(
  flow: ChangeEmail,
  text: string,
): Promise<(Confirmation & { readonly locale: string }) | undefined> {
  const used = await findUsed(flow.database, 'confirm_email_change', text);
  const userKey = used === undefined ? undefined : await flow.users.key(used.userId);
  if (used === undefined || used.wasDisowned || userKey === undefined) return undefined;
  const { id, userId, locale, primaryAddress, epochsSince } = used;
  const newAddress = openNewAddress(userKey, id, present(used.sealedPayload, 'the payload of a confirmation link'));
  if (primaryAddress === newAddress.canonical) return { kind: 'changed', locale };
  const other = await otherLinkState(flow.database, userId, newAddress, flow.clock.now());
  return other === 'pending' && epochsSince === 0
    ? { kind: 'waiting', waitingFor: otherSide(used), locale }
    : undefined;
}

/** Bounds the retries when the holder of the address changes between the read and the write. */
const maxAttempts = 3;

/**
 * Replaces the user's address by the new one; or, while the other address must still confirm, records that this one did.
 * The old address is held until the link that undoes the change has expired.
 * The change ends every session, because a mailed link does not show which of them belongs to its reader.
 */
export async function confirmChange(flow: ChangeEmail, text: string, requester: Requester): Promise<Confirmation> {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const link = await readConfirmLink(flow, text);
    if (link === undefined) throw new Problem('invalid_token');
    const outcome = await tryToConfirm(flow, { text, link, requester });
    if (outcome === 'changed') return { kind: 'changed' };
    if (outcome === 'waiting') return { kind: 'waiting', waitingFor: otherSide(link.token) };
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}

interface LinkUse {
  readonly text: string;
  readonly link: ConfirmLink;
  readonly requester: Requester;
}

type Outcome = 'changed' | 'waiting' | 'holder_changed';

/** Thrown to roll the use of the link back. */
class HolderChanged extends Error {}

async function tryToConfirm(flow: ChangeEmail, use: LinkUse): Promise<Outcome> {
  const { token, newAddress } = use.link;
  const { canonical } = newAddress;
  const holder = await flow.database.row(findOtherHolder, { canonical, userId: token.userId });
  try {
    return await flow.database.transaction((tx) => confirm(flow, tx, use, holder));
  } catch (error) {
    if (error instanceof HolderChanged) return 'holder_changed';
    throw error;
  }
}

type Holder = Values<typeof findOtherHolder.columns>;

async function confirm(
  flow: ChangeEmail,
  tx: Queries,
  { text, link, requester }: LinkUse,
  lockedHolder: Holder | undefined,
): Promise<Outcome> {
  const now = flow.clock.now();
  const { userId } = link.token;
  await flow.users.lockAll(tx, [userId, lockedHolder?.userId]);
  const used = await consume(tx, 'confirm_email_change', text, now);
  if (used === undefined) throw new Problem('invalid_token');
  const other = await otherLinkState(tx, userId, link.newAddress, now);
  if (other === 'inactive') throw new Problem('invalid_token', { log: 'the other link of the change is inactive' });
  if (other === 'pending') {
    await recordConfirmation(flow, tx, link, requester, now);
    return 'waiting';
  }
  await supersedeUnverified(flow, tx, link, lockedHolder, now);
  await replaceAddress(flow, tx, link, requester, now);
  return 'changed';
}

function otherSide(token: Pick<OneTimeToken, 'identifierId'>): ChangeSide {
  const side = sideOf(token);
  return present(
    changeSides.find((other) => other !== side),
    'the other side',
  );
}

/** The first of two confirmations changes nothing but its link. */
async function recordConfirmation(
  flow: ChangeEmail,
  tx: Queries,
  { token, userKey }: ConfirmLink,
  requester: Requester,
  now: Date,
): Promise<void> {
  const { userId } = token;
  const event = {
    action: 'email.change_confirmed',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: { at: sideOf(token) },
    personal: clientInfoOf(requester),
  } as const;
  await flow.audit.record(tx, event, userKey);
}

/**
 * Deletes another user's unverified registration of the address (invariant 18). Throws `email_unavailable` when another
 * user has verified the address or can still restore it.
 */
async function supersedeUnverified(
  flow: ChangeEmail,
  tx: Queries,
  { token: { userId }, newAddress: { canonical } }: ConfirmLink,
  lockedHolder: Holder | undefined,
  now: Date,
): Promise<void> {
  const holder = await tx.row(findOtherHolder, { canonical, userId });
  if (holder === undefined) return;
  if (holder.verifiedAt !== null) throw new Problem('email_unavailable');
  if (holder.userId !== lockedHolder?.userId) throw new HolderChanged();
  if (!(await supersedeRegistration(tx, flow.audit, holder.userId, now))) throw new Problem('email_unavailable');
}

async function replaceAddress(
  flow: ChangeEmail,
  tx: Queries,
  { token, newAddress, userKey }: ConfirmLink,
  requester: Requester,
  now: Date,
): Promise<void> {
  const { userId, locale } = token;
  const expiresAt = addSeconds(now, tokenLifetimeSeconds.undo_email_change);
  await changeUser(flow, tx, requester, {
    userId,
    now,
    userKey,
    refusal: 'invalid_token',
    apply: async () => {
      const old = present(await holdPrimaryEmail(tx, userId, expiresAt), 'the primary address');
      const claimed = { id: flow.makeId(), userId, address: newAddress, now };
      if (!(await claimProvenEmail(tx, claimed))) throw new HolderChanged();
      return old;
    },
    sessions: { kind: 'end_all', reason: 'email_changed' },
    event: ({ applied: old }) => ({
      action: 'email.changed',
      actor: { kind: 'user', id: userId },
      personal: { from: old.canonical, to: newAddress.canonical },
    }),
    mail: async (_, { applied: old, authEpoch }) => {
      const tokenId = flow.tokens.newId();
      const undo = { id: tokenId, purpose: 'undo_email_change', userId, identifierId: old.id, authEpoch } as const;
      await issueToken(tx, flow.tokens.values({ ...undo, sealedPayload: null, now, expiresAt }));
      const notice = {
        template: 'email_changed_notice',
        params: occasionOf(requester),
        identifierId: old.id,
        tokenId,
      } as const;
      return flow.mail.values({ ...notice, locale, userId, userKey, now });
    },
  });
}
