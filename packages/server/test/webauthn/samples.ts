/** Valid responses that the differential test mutates: of an independent emulator, and of the test authenticator. */
import { createPrivateKey, sign } from 'node:crypto';
import { AuthenticatorEmulator, PasskeysCredentialsMemoryRepository, WebAuthnEmulator } from 'nid-webauthn-emulator';
import {
  type AuthenticationResponseJson,
  creationOptions,
  type RegistrationResponseJson,
  requestOptions,
} from '#protocol/webauthn/index.ts';
import { createCredential, flagBits, register, signWith } from './authenticator.ts';
import { clientCeremony, newChallenge, origin, rpId, userHandle } from './relying-party.ts';

export type RegistrationSample = {
  readonly kind: 'registration';
  /** The issued challenges of this kind. Each is valid until it is spent, so a swapped one is too. */
  readonly challenges: ReadonlySet<string>;
  readonly response: RegistrationResponseJson;
};

export type AssertionSample = {
  readonly kind: 'assertion';
  readonly challenges: ReadonlySet<string>;
  readonly response: AuthenticationResponseJson;
  /** The registration of the same credential. */
  readonly registration: RegistrationSample;
  /** Signs as the credential, for mutations below the signature. */
  readonly sign: (message: Uint8Array) => Buffer;
};

export type Sample = RegistrationSample | AssertionSample;

type Issued = { readonly register: Set<string>; readonly login: Set<string> };

function issue(purpose: keyof Issued, issued: Issued): string {
  const challenge = newChallenge(purpose);
  issued[purpose].add(challenge);
  return challenge;
}

/** Credentials of each algorithm, each with a registration and two assertions, and registrations of rarer forms. */
export function createSamples(): Sample[] {
  const issued: Issued = { register: new Set(), login: new Set() };
  const algorithms = ['EdDSA', 'ES256', 'RS256', 'EdDSA', 'ES256'] as const;
  return [...algorithms.flatMap((algorithm) => samplesOfEmulator(algorithm, issued)), ...rareRegistrations(issued)];
}

function samplesOfEmulator(algorithm: 'EdDSA' | 'ES256' | 'RS256', issued: Issued): Sample[] {
  const repository = new PasskeysCredentialsMemoryRepository();
  const parameters = { algorithmIdentifiers: [algorithm], credentialsRepository: repository };
  const emulator = new WebAuthnEmulator(new AuthenticatorEmulator(parameters));
  const user = { handle: userHandle, name: 'ada@example.com', displayName: 'Ada' };
  const rp = { id: rpId, name: 'Acme' };
  const options = creationOptions({ rp, user, challenge: issue('register', issued), exclude: [], kind: 'passkey' });
  // The emulator's types have arrays that are not read-only; it does not change them.
  const response = emulator.createJSON(origin, options as never) as unknown as RegistrationResponseJson;
  const registration: RegistrationSample = { kind: 'registration', challenges: issued.register, response };
  const key = createPrivateKey({
    key: Buffer.from(repository.loadCredentials()[0]?.publicKeyCredentialSource.privateKey ?? []),
    format: 'der',
    type: 'pkcs8',
  });
  const signAs = (message: Uint8Array) => sign(algorithm === 'EdDSA' ? null : 'sha256', message, key);
  const assertions = [1, 2].map((): AssertionSample => {
    const challenge = issue('login', issued);
    const request = requestOptions({ rpId, challenge, allow: [], requireUserVerification: true });
    const assertion = emulator.getJSON(origin, request as never) as unknown as AuthenticationResponseJson;
    return { kind: 'assertion', challenges: issued.login, response: assertion, registration, sign: signAs };
  });
  return [registration, ...assertions];
}

/** A self attestation, and outputs of an extension. */
function rareRegistrations(issued: Issued): RegistrationSample[] {
  const credential = createCredential(-7);
  const attested = register(credential, clientCeremony('register', { challenge: issue('register', issued) }), {
    format: 'packed',
    statement: (signed) =>
      new Map<string, number | Buffer>([
        ['alg', -7],
        ['sig', signWith(credential, signed)],
      ]),
  });
  const extended = clientCeremony('register', {
    challenge: issue('register', issued),
    flags: flagBits.up | flagBits.uv | flagBits.ed,
    extensions: Buffer.from('a16b6372656450726f7465637402', 'hex'),
  });
  const responses = [attested, register(credential, extended)];
  return responses.map((response) => ({ kind: 'registration', challenges: issued.register, response }));
}
