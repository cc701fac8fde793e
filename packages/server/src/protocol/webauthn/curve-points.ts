/**
 * Whether coordinates are points of the curve, in integer arithmetic. OpenSSL rejects a P-256 point beside the curve with an
 * exception among others, and accepts any 32 bytes as an Ed25519 key until the first signature.
 * The inputs are public keys, so the time may depend on them: up to 0.2 ms at a registration.
 */

/** SP 800-186 §3.2.1.3: y² = x³ − 3x + b over the field of p. */
const p256 = {
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
} as const;

/** @param x big-endian, as is y. */
export function isOnP256(x: Uint8Array, y: Uint8Array): boolean {
  const { p, b } = p256;
  const [px, py] = [toInteger(x), toInteger(y)];
  return px < p && py < p && modulo(py * py - (px * px * px - 3n * px + b), p) === 0n;
}

/** RFC 8032 §5.1: −x² + y² = 1 + d·x²·y² over the field of 2²⁵⁵ − 19. */
const ed25519 = {
  p: 2n ** 255n - 19n,
  d: 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n,
} as const;

const signBit = 1n << 255n;

/**
 * Whether 32 bytes decode to a point (RFC 8032 §5.1.3), and not to one of the eight whose order divides the cofactor 8: those
 * have no private key, and some verifiers accept signatures that anyone can compute for them.
 */
export function isOnEd25519(encoded: Uint8Array): boolean {
  const { p, d } = ed25519;
  const bits = toInteger(Uint8Array.from(encoded).reverse());
  const y = bits & (signBit - 1n);
  if (y >= p) return false;
  const ySquared = (y * y) % p;
  const numerator = modulo(ySquared - 1n, p);
  const denominator = (d * ySquared + 1n) % p;
  // Euler's criterion on numerator/denominator, which is a square exactly when their product is one.
  const product = (numerator * denominator) % p;
  // x = 0 and y = 0 are the points of orders 1, 2 and 4.
  if (product === 0n || y === 0n) return false;
  if (power(product, (p - 1n) / 2n, p) !== 1n) return false;
  return !hasOrder8(numerator, denominator, ySquared);
}

/** A point of order 8 doubles to one with y = 0: y(2P) = (y² + x²)/(1 − d·x²·y²) is zero exactly when x² = −y². */
function hasOrder8(numerator: bigint, denominator: bigint, ySquared: bigint): boolean {
  return modulo(numerator + ySquared * denominator, ed25519.p) === 0n;
}

function toInteger(bigEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bigEndian).toString('hex')}`);
}

function modulo(value: bigint, p: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

function power(base: bigint, exponent: bigint, p: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % p;
    square = (square * square) % p;
  }
  return result;
}
