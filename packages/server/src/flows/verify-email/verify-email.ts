import { confirmSignUp, type LoginGate } from '#domain/authentication/index.ts';
import { linkIdentity } from '#domain/federated-identities/index.ts';
import type { IdentityProviders } from '#domain/identity-providers/index.ts';
import {
  type ActiveToken,
  consume,
  deviceAssociatedData,
  findActive,
  type OneTimeTokens,
} from '#domain/one-time-tokens/index.ts';
import {
  deletePassword,
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  setPassword,
} from '#domain/passwords/index.ts';
import {
  type CarriedIdentity,
  openRegistration,
  type PendingRegistration,
  proveRegistration,
} from '#domain/registrations/index.ts';
import { changeUser, type UserChange } from '#domain/user-changes/index.ts';
import { firstLocale } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

export interface VerifyEmail extends LoginGate {
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly tokens: OneTimeTokens;
  readonly identityProviders: Pick<IdentityProviders, 'nameOf'>;
  readonly catalogues: Catalogues;
}

/** An active link with its decrypted payload. */
export interface Link {
  readonly token: ActiveToken;
  /** Undefined when the payload has no registration; the request must then contain a new password. */
  readonly registration: PendingRegistration | undefined;
  /** The browser of the registration, in words; undefined for a link of the previous release. */
  readonly device: string | undefined;
}

/** Reads a link without using it. */
export async function readLink(flow: VerifyEmail, text: string): Promise<Link | undefined> {
  const token = await findActive(flow.database, 'verify_email', text, flow.clock.now());
  if (token === undefined) return undefined;
  const { sealedPayload } = token;
  const registration = sealedPayload === null ? undefined : openRegistration(flow.keys, token.id, sealedPayload);
  return { token, registration, device: await deviceOf(flow, token) };
}

async function deviceOf(
  { users }: VerifyEmail,
  { id, userId, sealedDevice }: ActiveToken,
): Promise<string | undefined> {
  const key = sealedDevice === null ? undefined : await users.key(userId);
  return sealedDevice === null ? undefined : key?.open(sealedDevice, deviceAssociatedData(id)).toString('utf8');
}

/**
 * Verifies the address and sets the password and name of the link's registration. Of all links of an address exactly one
 * is ever used: the user's lock orders two concurrent uses, and the second finds its link replaced.
 *
 * Returns the id of the registration, whose ticket now counts; undefined for a link that carries none.
 */
export async function verifyEmail(
  flow: VerifyEmail,
  text: string,
  newPassword: string | undefined,
  caller: Caller,
): Promise<string | undefined> {
  const link = await readLink(flow, text);
  if (link === undefined) throw new Problem('invalid_token');
  const proof = await proofOf(flow, link, newPassword, caller);
  if (proof === undefined) throw new Problem('password_required');
  const userKey = await flow.users.key(link.token.userId);
  if (userKey === undefined) throw new Problem('invalid_token');
  const locale = firstLocale(wantedLanguages(caller.acceptLanguage));
  const verification = verificationOf(flow, { text, link, proof, userKey, locale });
  await flow.database.transaction((tx) => changeUser(flow, tx, caller, verification));
  return link.registration?.registrationId;
}

/** The proof of a later login. */
type OwnProof = { readonly phc: string; readonly isTyped: boolean } | { readonly identity: CarriedIdentity };

/** A password that was typed goes before what the link carries. Undefined when there is neither. */
async function proofOf(
  flow: VerifyEmail,
  link: Link,
  newPassword: string | undefined,
  caller: Caller,
): Promise<OwnProof | undefined> {
  const { registration } = link;
  if (newPassword !== undefined) return { phc: await hashNew(flow, link, newPassword, caller), isTyped: true };
  if (registration === undefined) return undefined;
  return 'identity' in registration ? registration : { phc: registration.phc, isTyped: false };
}

async function hashNew(flow: VerifyEmail, link: Link, password: string, caller: Caller): Promise<string> {
  const { token, registration } = link;
  const languages = [registration?.locale ?? token.locale, ...wantedLanguages(caller.acceptLanguage)];
  const about = registration === undefined ? [] : [registration.name];
  const candidate = { password, field: '/password', about, languages };
  return flow.hashes.compute(await flow.passwordRules.acceptFor(token.userId, candidate));
}

interface LinkUse {
  readonly text: string;
  readonly link: Link;
  readonly proof: OwnProof;
  readonly userKey: UserKey;
  /** The language of the browser. */
  readonly locale: string;
}

/** Raises the epoch, which revokes a ticket or link that was issued for the password of another registration. */
function verificationOf(flow: VerifyEmail, { text, link, proof, userKey, locale }: LinkUse): UserChange<void> {
  const now = flow.clock.now();
  const { userId } = link.token;
  return {
    userId,
    now,
    userKey,
    refusal: 'invalid_token',
    apply: async (tx) => {
      const used = await consume(tx, 'verify_email', text, now);
      if (used === undefined) throw new Problem('invalid_token');
      await setProof(flow, tx, { userId, userKey, proof, now });
      const { registration } = link;
      const identifierId = present(used.identifierId, 'the identifier of a verification link');
      await proveRegistration(tx, flow.users, { userId, identifierId, registration, locale, now });
    },
    raise: async (tx) => {
      const authEpoch = await flow.users.raiseEpoch(tx, userId);
      const registrationId = link.registration?.registrationId;
      // A password that was typed on the page is not the one that a ticket proves.
      const isCarried = 'identity' in proof || !proof.isTyped;
      if (authEpoch !== undefined && registrationId !== undefined && isCarried)
        await confirmSignUp(tx, { registrationId, userId, authEpoch });
      return authEpoch;
    },
    sessions: { kind: 'none' },
    replacesLinks: 'verify_email',
    event: () => ({ action: 'email.verified', actor: { kind: 'user', id: userId } }),
  };
}

/**
 * Sets the password or links the identity, and removes the password of every other registration of the address.
 *
 * @throws Problem `identity_taken` when another user has got the identity meanwhile.
 */
async function setProof(
  flow: VerifyEmail,
  tx: Queries,
  {
    userId,
    userKey,
    proof,
    now,
  }: { readonly userId: string; readonly userKey: UserKey; readonly proof: OwnProof; readonly now: Date },
): Promise<void> {
  if ('phc' in proof) {
    await setPassword(tx, userId, flow.keys.seal('password', proof.phc, passwordAssociatedData(userId)), now);
    return;
  }
  await deletePassword(tx, userId);
  const { issuer, subject, email, name } = proof.identity;
  const linked = await linkIdentity(tx, flow.makeId, {
    userId,
    userKey,
    issuer,
    subject,
    profile: { email, name },
    now,
  });
  if (linked.kind === 'taken') throw new Problem('identity_taken');
}

/** Revokes the link of a registration that the owner of the mailbox did not make. False when it was not active. */
export async function disownRegistration(flow: VerifyEmail, text: string, requester: Requester): Promise<boolean> {
  const link = await readLink(flow, text);
  const userKey = link === undefined ? undefined : await flow.users.key(link.token.userId);
  if (link === undefined || userKey === undefined) return false;
  const { userId } = link.token;
  return flow.database.transaction(async (tx) => {
    const now = flow.clock.now();
    await flow.users.lock(tx, userId);
    const disowned = await consume(tx, 'verify_email', text, now, { outcome: 'disowned' });
    if (disowned === undefined) return false;
    const personal = clientInfoOf(requester);
    const actor = { kind: 'anonymous' } as const;
    await flow.audit.record(tx, { action: 'user.registration_disowned', at: now, actor, userId, personal }, userKey);
    return true;
  });
}
