/** The server's side of the ceremonies of tests: one relying party, a fixed time, one MAC key. */
import { createHmac } from 'node:crypto';
import { type Ceremony, type ChallengePurpose, challengeCheck, issueChallenge } from '#protocol/webauthn/index.ts';
import { type ClientCeremony, flagBits } from './authenticator.ts';

export const rpId = 'id.example.com';
export const origin = 'https://id.example.com';
export const userHandle = Buffer.alloc(32, 0x75);
export const now = new Date('2026-03-01T12:00:00Z');
const binding = Buffer.alloc(32, 0xb1);

export const mac = (message: Buffer, key = 'key'): Buffer => createHmac('sha256', key).update(message).digest();

export function newChallenge(purpose: ChallengePurpose, at = now): string {
  return issueChallenge({ purpose, binding }, { now: at, mac });
}

export function ceremonyFor(purpose: ChallengePurpose): Ceremony {
  return {
    origins: [origin, 'android:apk-key-hash:x5Kq'],
    checkChallenge: challengeCheck({ purpose, binding }, { now, macs: (message) => [mac(message)] }),
  };
}

/** A ceremony with a synced passkey that breaks no rule. */
export function clientCeremony(purpose: ChallengePurpose, changed: Partial<ClientCeremony> = {}): ClientCeremony {
  return {
    challenge: newChallenge(purpose),
    origin,
    rpId,
    flags: flagBits.up | flagBits.uv | flagBits.be | flagBits.bs,
    signCount: 7,
    clientData: {},
    extensions: Buffer.alloc(0),
    ...changed,
  };
}
