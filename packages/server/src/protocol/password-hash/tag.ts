import { timingSafeEqual } from 'node:crypto';

/** Compares a computed tag with the stored one; the time depends on the lengths only. */
export function isSameTag(computed: Uint8Array, stored: Uint8Array): boolean {
  return computed.length === stored.length && timingSafeEqual(computed, stored);
}
