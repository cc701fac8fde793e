/**
 * Nonces of native applications' ID tokens (OpenID Connect Core §3.1.2.1). Nothing is stored when one is issued: it has its end
 * and a MAC. It is spent with the token (`domain/used-nonces`).
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { addSeconds } from '#kernel/clock.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { IdentityUse } from './identities.ts';

/** Time to sign in at the provider. */
const nonceSeconds = 10 * 60;

const randomLength = 16;
const timeLength = 6;
const macLength = 32;
const nonceForm = /^[\w-]{72}$/;

/** Returns a nonce, valid for ten minutes. */
export function newNativeNonce(keys: Pick<Keys, 'mac'>, now: Date): string {
  const end = Buffer.alloc(timeLength);
  end.writeUIntBE(addSeconds(now, nonceSeconds).getTime(), 0, timeLength);
  const body = Buffer.concat([end, randomBytes(randomLength)]);
  return Buffer.concat([body, macOf(keys, body)]).toString('base64url');
}

/** The single use of a nonce; undefined for one that is not ours or has expired. */
export function readNativeNonce(keys: Pick<Keys, 'mac' | 'keyIds'>, nonce: string, now: Date): IdentityUse | undefined {
  if (!nonceForm.test(nonce)) return undefined;
  const bytes = Buffer.from(nonce, 'base64url');
  const body = bytes.subarray(0, timeLength + randomLength);
  const mac = bytes.subarray(timeLength + randomLength);
  const expiresAt = new Date(body.readUIntBE(0, timeLength));
  const isOurs = keys.keyIds('link').some((keyId) => timingSafeEqual(mac, macOf(keys, body, keyId)));
  if (!isOurs || expiresAt <= now) return undefined;
  return { kind: 'id_token', nonceHash: hash('sha256', body, 'buffer'), expiresAt };
}

function macOf(keys: Pick<Keys, 'mac'>, body: Buffer, keyId?: string): Buffer {
  const message = `native_nonce:${body.toString('base64url')}`;
  return keys.mac('link', message, ...(keyId === undefined ? [] : [keyId])).subarray(0, macLength);
}
