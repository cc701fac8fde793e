/**
 * Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, steps of 30 s, one step of tolerance in each direction.
 * The module has no clock and no storage. Its callers encrypt secrets, count attempts before a comparison, and store the
 * last used step, without which a code could be used twice.
 * Invariant: a comparison takes the same time for every secret and every code of six digits.
 */
export { type QrCode, qrCode, qrSvg } from './qr.ts';
export { matchingStep, newTotpSecret, totpSecretText, totpUri } from './totp.ts';
