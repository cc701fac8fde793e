/** Two judges of a response: this server's verification, and `@simplewebauthn/server` as the oracle. */
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import {
  authenticationResponseSchema,
  coseAlgorithms,
  parseAssertion,
  type RegisteredCredential,
  registrationResponseSchema,
  verifyAssertion,
  verifyRegistration,
} from '#protocol/webauthn/index.ts';
import { ceremonyFor, origin, rpId, userHandle } from './relying-party.ts';
import type { AssertionSample, RegistrationSample, Sample } from './samples.ts';

/** The stored forms of a sample's credential, of both judges. */
export type Stored = {
  readonly ours: RegisteredCredential;
  readonly library: Parameters<typeof verifyAuthenticationResponse>[0]['credential'];
};

type Response = Sample['response'];

/** Registers the unchanged sample with both. Throws when one of them rejects it. */
export async function storeCredential(sample: RegistrationSample): Promise<Stored> {
  const ours = verifyRegistration(sample.response, { ...ceremonyFor('register'), rpId, requireUserVerification: true });
  if (ours.kind !== 'ok') throw new Error(`a valid registration is rejected: ${ours.reason}`);
  const library = await verifyRegistrationResponse(libraryOptions(sample.challenges, sample.response));
  if (!library.verified) throw new Error('the library rejects a valid registration');
  return { ours: ours.credential, library: { ...library.registrationInfo.credential, counter: 0 } };
}

/** Whether this server accepts the response. Stored counters are 0, so that the rule of the counter accepts all. */
export function weAccept(sample: Sample, response: Response, stored: Stored | undefined): boolean {
  return sample.kind === 'registration' ? weRegister(response) : weAuthenticate(response, stored);
}

function weRegister(response: Response): boolean {
  const parsed = registrationResponseSchema.safeParse(response);
  if (!parsed.success) return false;
  const expected = { ...ceremonyFor('register'), rpId, requireUserVerification: true };
  return verifyRegistration(parsed.data, expected).kind === 'ok';
}

function weAuthenticate(response: Response, stored: Stored | undefined): boolean {
  const form = authenticationResponseSchema.safeParse(response);
  if (!form.success || stored === undefined) return false;
  const parsed = parseAssertion(form.data, ceremonyFor('login'));
  if (parsed.kind === 'invalid' || !parsed.assertion.credentialId.equals(stored.ours.credentialId)) return false;
  const { publicKey, algorithm, backupEligible } = stored.ours;
  const requirements = { requireUserVerification: true, requireUserHandle: true };
  const expected = { rpId, publicKey, algorithm, backupEligible, userHandle, ...requirements };
  return verifyAssertion(parsed.assertion, expected).kind === 'ok';
}

/** Whether the library accepts the response; it rejects by exceptions of many classes. */
export async function libraryAccepts(sample: Sample, response: Response, stored: Stored | undefined): Promise<boolean> {
  try {
    return await (sample.kind === 'registration'
      ? libraryRegisters(sample, response)
      : libraryAuthenticates(sample, response, stored));
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

async function libraryRegisters(sample: RegistrationSample, response: Response): Promise<boolean> {
  return (await verifyRegistrationResponse(libraryOptions(sample.challenges, response))).verified;
}

async function libraryAuthenticates(
  sample: AssertionSample,
  response: Response,
  stored: Stored | undefined,
): Promise<boolean> {
  // The caller of the library looks the credential up by the id, as ours does.
  if (stored === undefined || response.id !== stored.library.id) return false;
  const options = { ...libraryOptions(sample.challenges, response), credential: stored.library };
  return (await verifyAuthenticationResponse(options as never)).verified;
}

function libraryOptions(challenges: ReadonlySet<string>, response: Response) {
  return {
    response: { clientExtensionResults: {}, ...response } as Parameters<
      typeof verifyRegistrationResponse
    >[0]['response'],
    expectedChallenge: (challenge: string) => challenges.has(challenge),
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: true,
    supportedAlgorithmIDs: [...coseAlgorithms],
  };
}
