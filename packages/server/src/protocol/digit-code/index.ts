/**
 * Codes of six digits that people read in a message and type.
 * Owns no table.
 * Invariants: every code is equally likely, and the same blocks give the same code; a code has one spelling.
 */

/** 20 bits: worth something only with few tries, a short life and a second secret beside it. */
const codeDigits = 6;

const codes = 10 ** codeDigits;
const drawBytes = 4;
/** Draws from here on are thrown away: 2³² is no multiple of a million, so they would make the low codes likelier. */
const fairDraws = Math.floor(2 ** (8 * drawBytes) / codes) * codes;

/**
 * The code that a stream of random bytes stands for.
 *
 * @param blockOf the stream, a block for each round from 0 on; a block is needed after the first once in 10²⁹ codes when
 *   it has 32 bytes.
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

/** What a code looks like: ASCII digits and nothing else. */
export const codePattern = /^[0-9]{6}$/;
