/** The step `enroll_second_factor`: sets an authenticator app up within the login. */

import {
  findStep,
  type LoginGate,
  type LoginResult,
  type PresentedTicket,
  takeStep,
} from '#domain/authentication/index.ts';
import { occasionOf } from '#domain/mail-ledger/index.ts';
import {
  beginTotp,
  compareFirstCode,
  type Enrollment,
  type TotpEnrollment,
  turnTotpOn,
} from '#domain/second-factors/index.ts';
import type { TotpStep } from '#domain/totp/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** Dependencies of the step. */
export type EnrollAtLogin = LoginGate & TotpEnrollment & { readonly keys: Keys };

/** Makes a secret for the login's user. It is no factor yet, and the ticket remains usable. */
export async function beginEnrollment(flow: EnrollAtLogin, ticket: PresentedTicket): Promise<Enrollment> {
  const { candidate } = await findStep(flow, ticket, 'enroll_second_factor');
  const { userId, wrapped } = candidate;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const email = (await flow.users.profile(userId))?.email;
  return beginTotp(flow, { userId, userKey, account: email ?? userId });
}

/** The first code of the app. */
export interface FirstCode {
  readonly code: string;
  readonly deviceToken: string | undefined;
}

/** The result of the login, and the recovery codes, which nothing can read again. */
export interface Enrolled {
  readonly result: LoginResult;
  readonly recoveryCodes: readonly string[] | undefined;
}

/**
 * Turns two factors on and continues the login, in one transaction. Everything that was issued before ends; the login goes
 * along with the new epoch.
 *
 * @throws Problem `enrollment_expired`, `invalid_code`, and those of `takeStep`. All leave the ticket usable.
 */
export async function finishEnrollment(
  flow: EnrollAtLogin,
  ticket: PresentedTicket,
  { code, deviceToken }: FirstCode,
  requester: Requester,
): Promise<Enrolled> {
  const { candidate } = await findStep(flow, ticket, 'enroll_second_factor');
  const { userId, wrapped } = candidate;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const first = await compareFirstCode(flow, { userId, userKey }, code);
  const { applied, result } = await takeStep(
    flow,
    {
      ticket,
      step: 'enroll_second_factor',
      proves: { by: 'totp' },
      work: (tx) => turnOn(flow, tx, { first, userKey, requester }),
    },
    { deviceToken },
    requester,
  );
  return { result, recoveryCodes: applied };
}

interface FirstFactor {
  readonly first: TotpStep;
  readonly userKey: UserKey;
  readonly requester: Requester;
}

async function turnOn(flow: EnrollAtLogin, tx: Queries, { first, userKey, requester }: FirstFactor) {
  const now = flow.clock.now();
  const { userId } = first;
  const changed = await changeUser(flow, tx, requester, {
    userId,
    now,
    userKey,
    refusal: 'invalid_ticket',
    apply: () => turnTotpOn(tx, flow, first, now),
    sessions: { kind: 'end_all', reason: 'factors_changed' },
    event: ({ endedSessions }) => ({
      action: 'factor.enrolled',
      actor: { kind: 'user', id: userId },
      facts: { kind: 'totp', endedSessions },
    }),
    mail: async () => {
      const recipient = await flow.users.primaryEmail(userId, tx);
      const mail = { template: 'second_factor_added', tokenId: null, params: occasionOf(requester) } as const;
      return recipient && flow.mail.values({ ...recipient, ...mail, userId, userKey, now });
    },
  });
  return changed.applied;
}
