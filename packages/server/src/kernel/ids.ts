/**
 * Identifiers made in the program: UUIDv7 (RFC 9562 §5.7), so that an effect's rows can name each other before the
 * database has seen any of them and so that indexes grow at their right edge.
 */
import { randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Makes identifiers; one per process, so that two made in one millisecond keep their order. */
export type MakeId = () => string;

const poolBytes = 10 * 256;

/**
 * A maker of UUIDv7 texts.
 * Within a millisecond `rand_a` counts up from a random start below 2048 (RFC 9562 §6.2, method 1).
 * When the counter is full, or the clock has moved back, the last timestamp is kept or advanced by one millisecond.
 */
export function idMaker(clock: Clock): MakeId {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  let lastMs = 0;
  let counter = 0;

  return () => {
    if (used === poolBytes) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.subarray(used, used + 10);
    used += 10;
    const nowMs = clock.now().getTime();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = (((random[8] ?? 0) << 8) | (random[9] ?? 0)) & 0x7ff;
    } else if (counter === 0xfff) {
      lastMs += 1;
      counter = 0;
    } else {
      counter += 1;
    }
    return format(lastMs, counter, random);
  };
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function format(ms: number, counter: number, random: Uint8Array): string {
  const time = ms.toString(16).padStart(12, '0');
  const randA = (0x7000 | counter).toString(16);
  const octets = Array.from(random.subarray(0, 8), (octet, index) => hex[index === 0 ? (octet & 0x3f) | 0x80 : octet]);
  const randB = octets.join('');
  return `${time.slice(0, 8)}-${time.slice(8)}-${randA}-${randB.slice(0, 4)}-${randB.slice(4)}`;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID in the one spelling that we write: lower case, with hyphens. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
