/**
 * Describes a `User-Agent` header in a few words, so that users recognize their devices in lists and mails.
 * No decision may depend on it, because a client can send any text (RFC 9110 §10.1.5).
 * Invariants: it never throws and reads at most 512 characters; the result contains names of its table only, never text
 * of the header.
 */
import { browsers, operatingSystems } from './table.ts';

export type Device = {
  /** Name of a known browser or command-line tool. */
  readonly browser?: string;
  readonly os?: string;
  /** Both in English, such as "Firefox on Linux"; "Unknown device" when neither is known. */
  readonly words: string;
};

/** Headers of real browsers have fewer than 300 characters. */
const maxCharacters = 512;

/** Returns the name of the first row of each table whose mark the header contains. */
export function describeUserAgent(ua: string | undefined): Device {
  const text = (ua ?? '').slice(0, maxCharacters);
  const browser = browsers.find(([mark]) => text.includes(mark))?.[1];
  const os = operatingSystems.find(([mark]) => text.includes(mark))?.[1];
  if (browser !== undefined && os !== undefined) return { browser, os, words: `${browser} on ${os}` };
  if (browser !== undefined) return { browser, words: browser };
  if (os !== undefined) return { os, words: `Unknown browser on ${os}` };
  return { words: 'Unknown device' };
}
