/** Login by a passkey, top to bottom: options, comparison, the gate. */
import {
  browserSecretSeconds,
  comparePasskey,
  type LoginGate,
  type LoginOptions,
  type LoginResult,
  newBrowser,
  readBrowser,
  recordRejectedLogin,
  startLogin,
} from '#domain/authentication/index.ts';
import { assertionOptions, type PasskeySettings } from '#domain/passkeys/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { CookieChange } from '#platform/http/index.ts';
import type { AuthenticationResponseJson, ChallengeContext, RequestOptionsJson } from '#protocol/webauthn/index.ts';

/** Dependencies of the flow. */
export type LoginByPasskey = LoginGate & { readonly passkeys: PasskeySettings };

/** The options, the same for everyone. */
export interface PasskeyOptions {
  readonly publicKey: RequestOptionsJson;
  /** For an application. A browser gets it as a cookie. */
  readonly browserToken: string | undefined;
  readonly cookies: readonly CookieChange[];
}

/**
 * The options of a login. The challenge is bound to a secret that only this browser gets, so that another person's
 * assertion logs no browser in. Nothing is stored, and nothing depends on a user.
 */
export function passkeyOptions(
  flow: LoginByPasskey,
  { transport, browserSecret }: { readonly transport: 'cookie' | 'token'; readonly browserSecret: string | undefined },
): PasskeyOptions {
  const now = flow.clock.now();
  const { secret, hash } = readBrowser(browserSecret) ?? newBrowser();
  const publicKey = assertionOptions(flow, { context: contextOf(hash), allowed: undefined, now });
  if (transport === 'token') return { publicKey, browserToken: secret, cookies: [] };
  const change = { value: secret, expiresAt: addSeconds(now, browserSecretSeconds) };
  return { publicKey, browserToken: undefined, cookies: [{ cookie: 'login', change }] };
}

/** An assertion, as a browser or an application presents it. */
export interface PresentedPasskey extends LoginOptions {
  readonly credential: AuthenticationResponseJson;
  readonly browserSecret: string | undefined;
}

/** Logs in, or throws the Problem of the rejection. */
export async function loginByPasskey(
  flow: LoginByPasskey,
  presented: PresentedPasskey,
  requester: Requester,
): Promise<LoginResult> {
  const browser = readBrowser(presented.browserSecret);
  if (browser === undefined) throw new Problem('invalid_passkey', { log: 'the browser has no secret' });
  const expected = { context: contextOf(browser.hash), userId: undefined, now: flow.clock.now() };
  const compared = await comparePasskey(flow, presented.credential, expected);
  if (compared.kind === 'rejected') return reject(flow, compared.problem, compared.userId, requester);
  const { proof } = compared;
  try {
    return await startLogin(flow, proof, presented, requester);
  } catch (error) {
    // One that was used before is as wrong as any other; the gate's transaction has rolled back.
    if (error instanceof Problem && error.code === 'invalid_passkey')
      return reject(flow, error, proof.userId, requester);
    throw error;
  }
}

function contextOf(browserHash: Buffer): ChallengeContext {
  return { purpose: 'login', binding: browserHash };
}

async function reject(
  flow: LoginByPasskey,
  problem: Problem,
  userId: string | undefined,
  requester: Requester,
): Promise<never> {
  const userKey = userId === undefined ? undefined : await flow.users.key(userId);
  const known = userKey === undefined ? undefined : userId;
  const rejected = { by: 'passkey', reason: 'invalid_passkey', userId: known, userKey } as const;
  await recordRejectedLogin(flow, flow.database, rejected, requester);
  throw problem;
}
