/** The use of the link: password, role, and the login, in one transaction. */
import { type LoginGate, type LoginOptions, type LoginResult, startBySetupLink } from '#domain/authentication/index.ts';
import { deleteIdentitiesSince } from '#domain/federated-identities/index.ts';
import { type ActiveToken, findActive } from '#domain/one-time-tokens/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  setPassword,
} from '#domain/passwords/index.ts';
import { assignRole } from '#domain/roles/index.ts';
import { endSecondFactors, requireForRole } from '#domain/second-factors/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/** Dependencies of the use. */
export interface SetUpOwner extends LoginGate {
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
}

/** Reads a link without using it. */
export function readLink({ database, clock }: SetUpOwner, text: string): Promise<ActiveToken | undefined> {
  return findActive(database, 'setup', text, clock.now());
}

/** The link, and the name and password that its user chose. */
export interface OwnerSetUp {
  readonly token: string;
  readonly name: string;
  readonly password: string;
}

/**
 * Sets the user of a link up as an owner: name and password are set, earlier second factors end, the role is given, and
 * every session and link ends. The login goes on from there, to the second factor that the role needs. The hash is computed
 * before the transaction.
 *
 * @throws Problem `invalid_token`, and as `PasswordRules`, which leaves the link usable.
 */
export async function setUpOwner(
  flow: SetUpOwner,
  { token, name, password }: OwnerSetUp,
  options: LoginOptions,
  caller: Caller,
): Promise<LoginResult> {
  const link = await readLink(flow, token);
  if (link === undefined) throw new Problem('invalid_token');
  const { userId, locale } = link;
  const languages = [...wantedLanguages(caller.acceptLanguage), locale];
  const candidate = { password, field: '/password', about: [name], languages };
  const phc = await flow.hashes.compute(await flow.passwordRules.acceptFor(userId, candidate));
  const sealedPhc = flow.keys.seal('password', phc, passwordAssociatedData(userId));
  const userKey = await flow.users.key(userId);
  if (userKey === undefined) throw new Problem('invalid_token');
  const change = { userId, name, locale, sealedPhc, userKey, requester: caller };
  const proof = { by: 'setup_link', userId, text: token } as const;
  return startBySetupLink(flow, proof, (tx) => write(flow, tx, change), options, caller);
}

interface Change {
  readonly userId: string;
  readonly name: string;
  readonly locale: string;
  readonly sealedPhc: Buffer;
  readonly userKey: UserKey;
  readonly requester: Requester;
}

async function write(flow: SetUpOwner, tx: Queries, change: Change): Promise<void> {
  const { userId, name, locale, sealedPhc, userKey, requester } = change;
  const now = flow.clock.now();
  await changeUser(flow, tx, requester, {
    userId,
    now,
    userKey,
    refusal: 'invalid_token',
    apply: async () => {
      await flow.users.rename(tx, userId, name, locale);
      await setPassword(tx, userId, sealedPhc, now);
      await endSecondFactors(tx, flow, userId);
      await deleteIdentitiesSince(tx, userId, new Date(0));
      await assignRole(tx, { userId, role: 'owner', now, makeId: flow.makeId });
      await requireForRole(tx, flow, userId);
    },
    sessions: { kind: 'end_all', reason: 'role_changed' },
    resets: ['password', 'password_known_device', 'second_factor', 'second_factor_known_device', 'email_code'],
    replacesLinks: 'all',
    event: ({ endedSessions }) => ({
      action: 'owner.set_up',
      actor: { kind: 'user', id: userId },
      facts: { endedSessions },
    }),
    mail: async () => {
      const recipient = await flow.users.primaryEmail(userId, tx);
      const mail = { template: 'password_changed', tokenId: null, params: {} } as const;
      return recipient && flow.mail.values({ ...recipient, ...mail, userId, userKey, now });
    },
  });
}
