/**
 * A `User-Agent` header in a few words, so that a person recognises a device in a list or a mail.
 * Owns no table; nothing is decided by what stands here, since everybody may send any text.
 * Invariants: every text gets an answer, in time linear in its first 512 characters; no part of the header itself is
 * ever repeated in the answer.
 */
import { browsers, operatingSystems } from './table.ts';

export type Device = {
  /** A browser's or tool's name, when it is a known one. */
  readonly browser?: string;
  readonly os?: string;
  /** Both together in English, "Unknown device" when neither is known. */
  readonly words: string;
};

/** Real headers are below 300 characters; what counts stands in the first part of a longer one. */
const maxCharacters = 512;

/** Names the first row of each table whose mark the header contains (RFC 9110 §10.1.5 says how little that proves). */
export function describeUserAgent(ua: string | undefined): Device {
  const text = (ua ?? '').slice(0, maxCharacters);
  const browser = browsers.find(([mark]) => text.includes(mark))?.[1];
  const os = operatingSystems.find(([mark]) => text.includes(mark))?.[1];
  if (browser !== undefined && os !== undefined) return { browser, os, words: `${browser} on ${os}` };
  if (browser !== undefined) return { browser, words: browser };
  if (os !== undefined) return { os, words: `Unknown browser on ${os}` };
  return { words: 'Unknown device' };
}
