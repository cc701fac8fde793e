/** Users with passkeys. An authenticator and its browser are simulated independently of the product. */
import type {
  AuthenticationResponseJson,
  RegistrationResponseJson,
  RequestOptionsJson,
} from '#protocol/webauthn/index.ts';
import {
  authenticate,
  type ClientCeremony,
  createCredential,
  flagBits,
  register,
  type TestCredential,
} from '../webauthn/authenticator.ts';
import type { Application, AppResponse, RequestOptions } from './application.ts';
import { addLoggedInUser, type Tokens } from './user-actions.ts';

export const passkeysPath = '/api/v1/users/me/passkeys';
export const passkeyOptionsPath = '/api/v1/users/me/passkey-options';
export const passkeyLoginPath = '/api/v1/auth/login/passkey';

const { up, uv, be, bs } = flagBits;

/** The flags of a passkey that was synced, and of keys that stay where they are. */
export const synced = up | uv | be | bs;
export const deviceBound = up | uv;
export const withoutPin = up;

/** An authenticator with one credential of a user. */
export interface TestPasskey {
  readonly credential: TestCredential;
  readonly userHandle: Buffer;
  readonly flags: number;
  /** The next value of the counter; 0 stays 0, as for synced passkeys. */
  signCount: number;
}

interface CreationOptions {
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string; readonly name: string };
  readonly challenge: string;
  readonly excludeCredentials: readonly { readonly id: string }[];
}

/** The data of a response that adds a passkey. */
export type Added = Partial<Tokens> & {
  readonly passkey: { readonly id: string; readonly name: string; readonly firstFactor: boolean };
  readonly recoveryCodes?: readonly string[];
  readonly signal?: Signal;
};

export interface Signal {
  readonly rpId: string;
  readonly userId: string;
  readonly allAcceptedCredentialIds: readonly string[];
}

/** How a passkey is made. */
export interface PasskeyOptions {
  readonly kind?: 'passkey' | 'security_key';
  readonly name?: string;
  readonly flags?: number;
  readonly signCount?: number;
  readonly credential?: TestCredential;
  /** Changes of what the browser sends. */
  readonly ceremony?: Partial<ClientCeremony>;
}

/** The options of a registration. */
export async function creationOptionsFor(
  app: Application,
  credentials: RequestOptions,
  kind: 'passkey' | 'security_key' = 'passkey',
): Promise<CreationOptions> {
  const sent = { ...credentials, json: { kind } };
  const { data, code } = await app.send<{ publicKey: CreationOptions }>('POST', passkeyOptionsPath, sent);
  if (code !== undefined) throw new Error(`no options: ${code}`);
  return data.publicKey;
}

/** The response of a new authenticator to options, and the authenticator. */
export function registerFor(
  app: Application,
  options: CreationOptions,
  made: Pick<PasskeyOptions, 'flags' | 'signCount' | 'credential' | 'ceremony'> = {},
): { readonly response: RegistrationResponseJson; readonly passkey: TestPasskey } {
  const { flags = synced, signCount = 0, ceremony, credential = createCredential(-7) } = made;
  const response = register(credential, {
    challenge: options.challenge,
    origin: app.services.config.http.publicUrl,
    rpId: options.rp.id,
    flags,
    signCount,
    clientData: {},
    extensions: Buffer.alloc(0),
    ...ceremony,
  });
  const userHandle = Buffer.from(options.user.id, 'base64url');
  return { response, passkey: { credential, userHandle, flags, signCount: signCount === 0 ? 0 : signCount + 1 } };
}

/** The JSON of the first options that are part of a page; empty without any. */
export function passkeyOptionsIn(text: string): string {
  return /data-passkey-options="([^"]+)"/.exec(text)?.[1]?.replaceAll('&quot;', '"') ?? '';
}

/** Sends the registration of a new authenticator for options. */
export async function sendRegistration(
  app: Application,
  credentials: RequestOptions,
  options: CreationOptions,
  made: PasskeyOptions = {},
): Promise<{ readonly response: AppResponse<Added>; readonly passkey: TestPasskey }> {
  const { kind = 'passkey', name } = made;
  const { response: credential, passkey } = registerFor(app, options, made);
  const json = { kind, ...(name === undefined ? {} : { name }), credential };
  return { response: await app.send<Added>('POST', passkeysPath, { ...credentials, json }), passkey };
}

/** Adds a passkey to the user of a session; throws when it is rejected. */
export async function addPasskey(
  app: Application,
  credentials: RequestOptions,
  made: PasskeyOptions = {},
): Promise<{ readonly passkey: TestPasskey; readonly data: Added; readonly response: AppResponse<Added> }> {
  const options = await creationOptionsFor(app, credentials, made.kind);
  const { response, passkey } = await sendRegistration(app, credentials, options, made);
  if (response.status !== 201) throw new Error(`the passkey was rejected: ${response.code}`);
  return { passkey, data: response.data, response };
}

/** A user with a session and a passkey. */
export interface PasskeyUser extends Tokens {
  readonly email: string;
  readonly passkey: TestPasskey;
  readonly passkeyId: string;
  readonly recoveryCodes: readonly string[];
}

/** A new user with a passkey; `kind` security key turns two-step sign-in on, and the session is the renewed one. */
export async function addPasskeyUser(app: Application, made: PasskeyOptions = {}): Promise<PasskeyUser> {
  const user = await addLoggedInUser(app);
  const { passkey, data } = await addPasskey(app, { token: user.accessToken }, made);
  const { passkey: stored, recoveryCodes = [], ...tokens } = data;
  return { ...user, ...tokens, passkey, passkeyId: stored.id, recoveryCodes };
}

/** Signs a challenge. The user handle is sent when the request has no list of allowed passkeys. */
export function signChallenge(
  app: Application,
  passkey: TestPasskey,
  { challenge, rpId, allowCredentials }: Pick<RequestOptionsJson, 'challenge' | 'rpId' | 'allowCredentials'>,
  changed: Partial<ClientCeremony> = {},
): AuthenticationResponseJson {
  const { credential, userHandle, flags, signCount } = passkey;
  if (signCount > 0) passkey.signCount += 1;
  const ceremony = {
    challenge,
    origin: app.services.config.http.publicUrl,
    rpId,
    flags,
    signCount,
    clientData: {},
    extensions: Buffer.alloc(0),
    ...changed,
  };
  return authenticate(credential, ceremony, allowCredentials.length === 0 ? userHandle : undefined);
}

/** The options of a login by passkey, for an application. */
export interface LoginOptions {
  readonly publicKey: RequestOptionsJson;
  readonly browserToken: string;
}

/** @param browserToken the secret of an earlier request. */
export async function passkeyLoginOptions(app: Application, browserToken?: string): Promise<LoginOptions> {
  const json = browserToken === undefined ? {} : { browserToken };
  return (await app.send<LoginOptions>('POST', `${passkeyLoginPath}/options`, { json })).data;
}

/** Logs in with a passkey. */
export async function loginByPasskey(
  app: Application,
  passkey: TestPasskey,
  changed: Partial<ClientCeremony> = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<AppResponse<Tokens>> {
  const { publicKey, browserToken } = await passkeyLoginOptions(app);
  const credential = signChallenge(app, passkey, publicKey, changed);
  return app.send<Tokens>('POST', passkeyLoginPath, { json: { credential, browserToken, ...more } });
}

/** The options of the second factor of a ticket. */
export async function secondFactorOptions(app: Application, ticket: string | undefined): Promise<RequestOptionsJson> {
  const path = '/api/v1/auth/login/second-factor/options';
  const { data, code } = await app.send<{ publicKey: RequestOptionsJson }>('POST', path, { json: { ticket } });
  if (code !== undefined) throw new Error(`no options: ${code}`);
  return data.publicKey;
}

/** Proves the second factor of a ticket by a passkey. */
export async function provePasskey(
  app: Application,
  ticket: string | undefined,
  passkey: TestPasskey,
  changed: Partial<ClientCeremony> = {},
): Promise<AppResponse<Tokens>> {
  const signed = signChallenge(app, passkey, await secondFactorOptions(app, ticket), changed);
  return app.send<Tokens>('POST', '/api/v1/auth/login/second-factor', { json: { ticket, passkey: signed } });
}

/** Steps a session up by a passkey. */
export async function stepUpByPasskey(
  app: Application,
  credentials: RequestOptions,
  passkey: TestPasskey,
): Promise<AppResponse<Tokens>> {
  const path = '/api/v1/auth/step-up';
  const options = await app.send<{ publicKey: RequestOptionsJson }>('POST', `${path}/options`, {
    ...credentials,
    json: {},
  });
  const signed = signChallenge(app, passkey, options.data.publicKey);
  return app.send<Tokens>('POST', path, { ...credentials, json: { passkey: signed } });
}
