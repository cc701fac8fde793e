/** This server as a relying party of WebAuthn, and the challenges that it issues. */
import { Problem } from '#kernel/problem.ts';
import type { Keys } from '#platform/keys/index.ts';
import { type Ceremony, type ChallengeContext, challengeCheck, issueChallenge } from '#protocol/webauthn/index.ts';

/** The settings of passkeys. */
export interface PasskeySettings {
  /** `device_bound` registers no passkey that can be synced; `off` neither registers nor accepts any. */
  readonly accepted: 'any' | 'device_bound' | 'off';
  /** Undefined where the public URL has no domain: a browser accepts no IP address. */
  readonly rpId: string | undefined;
  /** The origins whose pages and apps may use passkeys; the public origin is the first. */
  readonly origins: readonly string[];
  /** The name that an authenticator shows. */
  readonly name: string;
}

/** A relying party that is ready for ceremonies. */
export interface RelyingParty extends PasskeySettings {
  readonly rpId: string;
}

/** Whether passkeys can be used here at all. */
export function acceptsPasskeys({ rpId, accepted }: PasskeySettings): boolean {
  return rpId !== undefined && accepted !== 'off';
}

/** @throws Problem `passkeys_unavailable` when they are off, or the public URL has no domain. */
export function relyingPartyOf(settings: PasskeySettings): RelyingParty {
  const { rpId, accepted } = settings;
  if (rpId === undefined || accepted === 'off') throw new Problem('passkeys_unavailable');
  return { ...settings, rpId };
}

/** A new challenge, of which nothing is stored. */
export function newChallenge(keys: Pick<Keys, 'mac'>, context: ChallengeContext, now: Date): string {
  return issueChallenge(context, { now, mac: (message) => keys.mac('ceremony', message) });
}

/** The expectations of a response: our origins, and a challenge of this context. */
export function ceremonyOf(
  { keys, passkeys }: { readonly keys: Pick<Keys, 'mac' | 'keyIds'>; readonly passkeys: PasskeySettings },
  context: ChallengeContext,
  now: Date,
): Ceremony {
  const macs = (message: Buffer) => keys.keyIds('ceremony').map((keyId) => keys.mac('ceremony', message, keyId));
  return { origins: passkeys.origins, checkChallenge: challengeCheck(context, { now, macs }) };
}
