/** A passkey or security key as the second factor of a login. */
import {
  comparePasskey,
  continueLogin,
  findTicketUser,
  type LoginResult,
  type PresentedTicket,
  recordRejectedLogin,
} from '#domain/authentication/index.ts';
import { assertionOptions, listPasskeys } from '#domain/passkeys/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import type { AuthenticationResponseJson, ChallengeContext, RequestOptionsJson } from '#protocol/webauthn/index.ts';
import type { SecondFactor } from './second-factor.ts';

/**
 * The options for the passkeys of a ticket's user. Suspended ones are among them: they stay second factors.
 *
 * @throws Problem `invalid_ticket`, `passkey_not_found`, `passkeys_unavailable`.
 */
export async function secondFactorOptions(flow: SecondFactor, ticket: PresentedTicket): Promise<RequestOptionsJson> {
  const now = flow.clock.now();
  const userId = await userOf(flow, ticket, now);
  const allowed = await listPasskeys(flow.database, userId);
  return assertionOptions(flow, { context: contextOf(ticket.text), allowed, now });
}

/** A ticket, and the assertion for it. */
export interface PasskeyAttempt {
  readonly ticket: string;
  /** The browser of a page. */
  readonly browserHash?: Buffer | undefined;
  readonly deviceToken: string | undefined;
  readonly passkey: AuthenticationResponseJson;
  /** The use of the client's rate limit, which a right assertion gives back. */
  readonly quota?: QuotaReservation | undefined;
}

/** Continues the login, or throws the Problem of the rejection. No attempt is counted: a signature cannot be guessed. */
export async function secondFactorByPasskey(
  flow: SecondFactor,
  { ticket, browserHash, deviceToken, passkey, quota }: PasskeyAttempt,
  requester: Requester,
): Promise<LoginResult> {
  const now = flow.clock.now();
  const userId = await userOf(flow, { text: ticket, browserHash }, now);
  try {
    const compared = await comparePasskey(flow, passkey, { context: contextOf(ticket), userId, now });
    if (compared.kind === 'rejected') throw compared.problem;
    return await continueLogin(flow, ticket, compared.proof, { deviceToken, browserHash, quota }, requester);
  } catch (error) {
    if (error instanceof Problem && /^(?:invalid|unknown)_passkey$/.test(error.code)) {
      const userKey = await flow.users.key(userId);
      const rejected = { by: 'passkey', reason: 'invalid_passkey', userId, userKey } as const;
      await recordRejectedLogin(flow, flow.database, rejected, requester);
    }
    throw error;
  }
}

async function userOf({ database }: SecondFactor, ticket: PresentedTicket, now: Date): Promise<string> {
  const userId = await findTicketUser(database, ticket, now);
  if (userId === undefined) throw new Problem('invalid_ticket');
  return userId;
}

function contextOf(ticket: string): ChallengeContext {
  return { purpose: 'second_factor', binding: hashSecret(ticket) };
}
