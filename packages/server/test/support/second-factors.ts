/** Users with an authenticator app. Codes are computed here, independently of the product (RFC 6238). */
import { createHmac } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import type { Application, AppResponse, RequestOptions } from './application.ts';
import { addVerifiedUser, login, type Tokens } from './user-actions.ts';

const stepSeconds = 30;

/** A secret in base 32 (RFC 4648 §6), as an app reads it. */
function fromBase32(text: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = Array.from(text.replaceAll(/[\s=]/g, ''), (character) =>
    alphabet.indexOf(character).toString(2).padStart(5, '0'),
  );
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The code that an app shows; `steps` moves its clock by 30 seconds each. */
export function codeNow(app: { readonly clock: Pick<Clock, 'now'> }, secret: string, steps = 0): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(app.clock.now().getTime() / 1000 / stepSeconds) + steps));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

/** Begins an enrolment; returns the secret in base 32. */
export async function beginTotp(app: Application, credentials: RequestOptions): Promise<string> {
  const path = '/api/v1/users/me/totp';
  const { status, data, code } = await app.send<{ secret: string }>('POST', path, { ...credentials, json: {} });
  if (status !== 200) throw new Error(`the enrolment was rejected: ${code}`);
  return data.secret;
}

/** The response that confirms an app: a renewed session, and the recovery codes the first time. */
export type Confirmed = Tokens & { readonly recoveryCodes?: readonly string[] };

/** Confirms an app with the code of this moment. */
export function confirmTotp(
  app: Application,
  credentials: RequestOptions,
  secret: string,
): Promise<AppResponse<Confirmed>> {
  const json = { code: codeNow(app, secret) };
  return app.send<Confirmed>('POST', '/api/v1/users/me/totp/confirm', { ...credentials, json });
}

/** A user with an authenticator app, and the session that set it up. */
export interface TotpUser extends Tokens {
  readonly email: string;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

/** A user who has turned two-step sign-in on. The code of this moment is used. */
export async function addTotpUser(app: Application): Promise<TotpUser> {
  const email = await addVerifiedUser(app);
  const { accessToken: token } = (await login(app, email)).data;
  const secret = await beginTotp(app, { token });
  const { status, data, code } = await confirmTotp(app, { token }, secret);
  if (status !== 200) throw new Error(`the app was not confirmed: ${code}`);
  return { ...data, email, secret, recoveryCodes: data.recoveryCodes ?? [] };
}

/** Proves a second factor for a ticket. */
export function proveSecondFactor(
  app: Application,
  ticket: string | undefined,
  proof: { readonly code?: string; readonly recoveryCode?: string; readonly deviceToken?: string },
): Promise<AppResponse<Tokens>> {
  return app.send<Tokens>('POST', '/api/v1/auth/login/second-factor', { json: { ticket, ...proof } });
}
