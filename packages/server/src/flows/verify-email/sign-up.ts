/** The part of a sign-up after its mail: a typed code, and the session of the browser or application that signed up. */
import { timingSafeEqual } from 'node:crypto';
import {
  completeSignUp,
  findSignUp,
  type LoginResult,
  type PresentedTicket,
  recordRejectedLogin,
  type SignUpCompletion,
} from '#domain/authentication/index.ts';
import { findUsed, tryCodeOfRegistration, verificationCode } from '#domain/one-time-tokens/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import { roundUpDuration } from '#kernel/round-up-duration.ts';
import type { Caller } from '#platform/http/index.ts';
import { type VerifyEmail, verifyEmail } from './verify-email.ts';

/**
 * Verifies the address by the code of the newest mail of the ticket's registration, and signs in.
 *
 * @throws Problem `invalid_ticket`; `invalid_code`, in the same time, for a wrong code, one that is out of tries, and for a
 * taken address.
 */
export async function verifyByCode(
  flow: VerifyEmail,
  ticket: PresentedTicket,
  { code, deviceToken }: { readonly code: string; readonly deviceToken: string | undefined },
  caller: Caller,
): Promise<LoginResult> {
  const signUp = await findSignUp(flow.database, ticket, flow.clock.now());
  if (signUp === undefined) throw new Problem('invalid_ticket');
  // A link of this registration was pressed meanwhile, so that nothing is left to prove by the code.
  if (signUp.userId !== null) return completeSignUp(flow, ticket, { deviceToken }, caller);
  const { id: registrationId } = signUp;
  const link = await roundUpDuration(() => linkOfCode(flow, registrationId, code, caller));
  if (link === undefined) {
    // Another request may have used this code since. The ticket then signs in by itself, without the mailbox as a factor.
    const now = await findSignUp(flow.database, ticket, flow.clock.now());
    if (now === undefined || now.userId === null) throw new Problem('invalid_code');
    return completeSignUp(flow, ticket, { deviceToken }, caller);
  }
  try {
    await verifyEmail(flow, link, undefined, caller);
  } catch (error) {
    // The link was used between the comparison and here. If it was another registration's, the ticket does not count.
    if (!(error instanceof Problem) || error.code !== 'invalid_token') throw error;
  }
  const result = await signInAfterLink(flow, ticket, { registrationId, deviceToken }, caller);
  if (result === undefined) throw new Problem('invalid_code');
  return result;
}

/** Returns the link beside a right code. Computes and compares a code when there is none, in the same time (invariant 13). */
async function linkOfCode(
  flow: VerifyEmail,
  registrationId: string,
  code: string,
  requester: Requester,
): Promise<string | undefined> {
  const { database, tokens, keys, clock } = flow;
  const tried = await tryCodeOfRegistration(database, registrationId, clock.now());
  const { id, keyId } = tried ?? { id: registrationId, keyId: keys.currentKeyId('link') };
  const right = Buffer.from(tokens.secret(id, verificationCode, keyId));
  const typed = Buffer.from(code);
  const isRight = typed.length === right.length && timingSafeEqual(typed, right);
  if (isRight && tried !== undefined) return tokens.secret(id, 'verify_email', keyId);
  const userKey = tried && (await flow.users.key(tried.userId));
  const rejected = { by: 'verify_email', reason: 'invalid_code', userId: tried?.userId, userKey } as const;
  await recordRejectedLogin(flow, database, rejected, requester);
  return undefined;
}

/**
 * Completes the sign-up of the ticket after a link of `registrationId` was pressed by its client. Undefined when the ticket
 * is not the one of that registration, or is no longer usable: the address is confirmed nevertheless.
 */
export async function signInAfterLink(
  flow: VerifyEmail,
  ticket: PresentedTicket | undefined,
  completion: SignUpCompletion & { readonly registrationId: string | undefined },
  requester: Requester,
): Promise<LoginResult | undefined> {
  if (ticket === undefined || completion.registrationId === undefined) return undefined;
  try {
    return await completeSignUp(flow, ticket, completion, requester);
  } catch (error) {
    if (error instanceof Problem && completionRefusals.has(error.code)) return undefined;
    throw error;
  }
}

/**
 * The registration of a link that was used before, for the client that has its ticket: the response to the first request was lost, or
 * the process ended between the verification and the login. Undefined for every other client and link.
 */
export async function registrationOfUsedLink(
  { database, clock }: VerifyEmail,
  link: string,
  ticket: PresentedTicket | undefined,
): Promise<string | undefined> {
  if (ticket === undefined) return undefined;
  const used = await findUsed(database, 'verify_email', link);
  if (used === undefined || used.wasDisowned || !used.addressIsVerified) return undefined;
  const signUp = await findSignUp(database, ticket, clock.now());
  return signUp?.id === used.registrationId ? signUp.id : undefined;
}

const completionRefusals: ReadonlySet<string> = new Set(['invalid_ticket', 'email_not_verified']);
