/** Ceremonies of passkeys on a database, with an authenticator that is independent of the product. */
import {
  addPasskey,
  listPasskeys,
  type Passkey,
  type PasskeySettings,
  registrationOptions,
  verifyRegistered,
} from '#domain/passkeys/index.ts';
import { present } from '#kernel/assert.ts';
import type { AuthenticationResponseJson } from '#protocol/webauthn/index.ts';
import {
  authenticate,
  type ClientCeremony,
  createCredential,
  flagBits,
  register,
  type TestCredential,
} from '../webauthn/authenticator.ts';
import type { DomainFixture, TestUser } from './domain-fixture.ts';

type Registering = Parameters<typeof verifyRegistered>[1];
type Registered = ReturnType<typeof verifyRegistered>;

const { up, uv } = flagBits;

export const settings: PasskeySettings = {
  accepted: 'any',
  rpId: 'login.example',
  origins: ['https://login.example'],
  name: 'Login',
};

/** The browser's part of a ceremony on our page. */
function ceremonyWith(challenge: string, over: Partial<ClientCeremony> = {}): ClientCeremony {
  const [origin = ''] = settings.origins;
  const rpId = settings.rpId ?? '';
  const counter = { flags: up | uv, signCount: 1 };
  return { challenge, origin, rpId, ...counter, clientData: {}, extensions: Buffer.alloc(0), ...over };
}

/** The registration of a key, and the ways in which it differs from a passkey of this session. */
export interface RegistrationOptions {
  readonly kind?: 'passkey' | 'security_key';
  readonly passkeys?: PasskeySettings;
  readonly credential?: TestCredential;
  /** Changes of the response that the browser sends. */
  readonly ceremony?: Partial<ClientCeremony>;
  /** The session that sends the response. */
  readonly sentBy?: Partial<Registering>;
}

/** A stored passkey with its private key. */
export interface RegisteredPasskey {
  readonly passkey: Passkey;
  readonly credential: TestCredential;
}

/** The options of a registration in one session of the user, and its verified response. */
export async function registerKey(
  { database, keys, clock }: DomainFixture,
  user: Pick<TestUser, 'id'>,
  {
    kind = 'passkey',
    passkeys = settings,
    credential = createCredential(-7),
    ceremony,
    sentBy,
  }: RegistrationOptions = {},
): Promise<Registered> {
  const owned = await listPasskeys(database, user.id);
  const registering = { userId: user.id, boundTo: 'a session', owned, kind, now: clock.now() };
  const account = { name: 'ada@example.com', displayName: 'Ada' };
  const { challenge } = registrationOptions({ keys, passkeys }, registering, account);
  const response = register(credential, ceremonyWith(challenge, ceremony));
  return verifyRegistered({ keys, passkeys }, { ...registering, now: clock.now(), ...sentBy }, response);
}

/** Registers and stores a passkey. */
export async function addRegisteredPasskey(
  fixture: DomainFixture,
  user: Pick<TestUser, 'id'>,
  options: RegistrationOptions = {},
): Promise<RegisteredPasskey> {
  const credential = options.credential ?? createCredential(-7);
  const { credential: registered, userHandle } = await registerKey(fixture, user, { ...options, credential });
  const stored = { userId: user.id, rpId: 'login.example', userHandle, name: 'A key', credential: registered };
  const now = fixture.clock.now();
  const added = await fixture.database.transaction((tx) => addPasskey(tx, fixture.makeId, stored, now));
  return { passkey: present(added, 'the passkey'), credential };
}

/** The response to a challenge. A security key returns no handle. */
export function assertionOf(
  { passkey, credential }: RegisteredPasskey,
  challenge: string,
  over: Partial<ClientCeremony> = {},
  handle: Uint8Array | undefined = passkey.userHandle,
): AuthenticationResponseJson {
  return authenticate(credential, ceremonyWith(challenge, { signCount: 2, ...over }), handle);
}
