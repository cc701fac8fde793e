/**
 * Six-digit codes, which people read in an email and type.
 * Invariants: all codes are equally likely; the same random bytes always yield the same code, so a mailed code can be
 * recomputed instead of stored.
 */

/** 20 bits of entropy: secure only with few attempts, a short lifetime and a second secret (the requesting browser's). */
const codeDigits = 6;

const codes = 10 ** codeDigits;
const drawBytes = 4;
/** Rejection sampling: 2³² is no multiple of 10⁶, so draws from this limit on would make low codes more likely. */
const fairDraws = Math.floor(2 ** (8 * drawBytes) / codes) * codes;

/**
 * Derives a code from a stream of random bytes.
 *
 * @param blockOf returns the stream's block number `round`, from 0 on. With blocks of 32 bytes a second block is needed
 *   once in 10²⁹ codes.
 */
export function digitCode(blockOf: (round: number) => Uint8Array): string {
  for (let round = 0; ; round += 1) {
    const block = blockOf(round);
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    for (let at = 0; at + drawBytes <= block.byteLength; at += drawBytes) {
      const draw = view.getUint32(at);
      if (draw < fairDraws) return String(draw % codes).padStart(codeDigits, '0');
    }
  }
}

/** ASCII digits only. */
export const codePattern = /^[0-9]{6}$/;
