import { createHmac } from 'node:crypto';

/**
 * The HOTP value of a counter (RFC 4226 §5.3), as decimal digits with leading zeros. SHA-1, because authenticator apps
 * ignore the parameter that would name another hash.
 *
 * @param counter a safe integer; TOTP passes the number of the time step.
 * @param digits 6 to 8 by RFC 4226; TOTP in this product uses 6.
 */
export function hotp(secret: Uint8Array, counter: number, digits: number): string {
  const message = Buffer.alloc(8);
  message.writeBigInt64BE(BigInt(counter));
  const mac = createHmac('sha1', secret).update(message).digest();
  // Dynamic truncation (RFC 4226 §5.3): 31 bits at an offset that the last four bits select.
  const offset = mac.readUInt8(mac.length - 1) & 0x0f;
  const truncated = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, '0');
}
