import { hash } from 'node:crypto';
import { type CborMap, readCborMap } from './cbor.ts';

/** Authenticator data (WebAuthn L3 §6.1). */
export type AuthenticatorData = {
  readonly rpIdHash: Buffer;
  readonly userPresent: boolean;
  readonly userVerified: boolean;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  /** 0 when the authenticator has no counter. */
  readonly signCount: number;
  /** Present at registrations only. */
  readonly credential: AttestedCredential | undefined;
};

/** Attested credential data (WebAuthn L3 §6.5.1). */
export type AttestedCredential = {
  readonly aaguid: Buffer;
  readonly credentialId: Buffer;
  readonly publicKey: CborMap;
};

/** WebAuthn L3 §6.1: bits of the flags. Bits 1 and 5 are reserved and ignored. */
const flagBits = {
  userPresent: 0x01,
  userVerified: 0x04,
  backupEligible: 0x08,
  backedUp: 0x10,
  attested: 0x40,
  extensions: 0x80,
} as const;

const rpIdHashLength = 32;
const flagsAt = rpIdHashLength;
const signCountAt = flagsAt + 1;
const headLength = signCountAt + 4;
const aaguidLength = 16;

/** WebAuthn L3 §4, "Credential ID": at least 16 bytes; §7.1: at most 1023. */
const credentialIdLengths = { least: 16, most: 1023 } as const;

/** Parses authenticator data; undefined when it is malformed, or when bytes follow it. Extensions are parsed and ignored. */
export function parseAuthenticatorData(bytes: Buffer): AuthenticatorData | undefined {
  if (bytes.length < headLength) return undefined;
  const flags = bytes.readUInt8(flagsAt);
  const attested = has(flags, 'attested') ? readAttested(bytes, headLength) : { value: undefined, end: headLength };
  if (attested === undefined) return undefined;
  const extensions = has(flags, 'extensions') ? readCborMap(bytes, attested.end) : { end: attested.end };
  if (extensions?.end !== bytes.length) return undefined;
  return {
    rpIdHash: bytes.subarray(0, rpIdHashLength),
    userPresent: has(flags, 'userPresent'),
    userVerified: has(flags, 'userVerified'),
    backupEligible: has(flags, 'backupEligible'),
    backedUp: has(flags, 'backedUp'),
    signCount: bytes.readUInt32BE(signCountAt),
    credential: attested.value,
  };
}

/** Whether the data was made for this relying party. */
export function isForRp({ rpIdHash }: AuthenticatorData, rpId: string): boolean {
  return rpIdHash.equals(hash('sha256', rpId, 'buffer'));
}

function has(flags: number, bit: keyof typeof flagBits): boolean {
  return (flags & flagBits[bit]) !== 0;
}

function readAttested(bytes: Buffer, start: number): { value: AttestedCredential; end: number } | undefined {
  const lengthAt = start + aaguidLength;
  const idAt = lengthAt + 2;
  if (idAt > bytes.length) return undefined;
  const idLength = bytes.readUInt16BE(lengthAt);
  if (idLength < credentialIdLengths.least || idLength > credentialIdLengths.most) return undefined;
  const keyAt = idAt + idLength;
  const publicKey = readCborMap(bytes, keyAt);
  if (publicKey === undefined) return undefined;
  const value = {
    aaguid: bytes.subarray(start, lengthAt),
    credentialId: bytes.subarray(idAt, keyAt),
    publicKey: publicKey.value,
  };
  return { value, end: publicKey.end };
}
