import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { withoutTrailing } from '#kernel/without-trailing.ts';

const pairsAtMost = 64;
/** A token (RFC 9110 §5.6.2), so that a name can be a header field. */
const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
// A control character in a value could end a header field or a log line.
const valueForm = /^[\t\u0020-\u007e\u00a0-\uffff]*$/;
/** RFC 9110 §5.5: Node's client rejects everything else. */
const fieldForm = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** Parses `name=value,name=value`, with values in percent-encoding. */
export function parsePairs(text: string): Parsed<Readonly<Record<string, string>>> {
  const pairs = new Map<string, string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(at, 0)).trim();
    if (!nameForm.test(name)) return unparsable('each part must be name=value');
    if (pairs.has(name)) return unparsable('a name is repeated');
    const value = decode(part.slice(at + 1).trim());
    if (value === undefined || !valueForm.test(value)) return unparsable('a value is not in percent-encoding');
    pairs.set(name, value);
  }
  if (pairs.size > pairsAtMost) return unparsable(`it has more than ${pairsAtMost} parts`);
  return parsed(Object.fromEntries(pairs));
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The same for header fields. */
export function parseFields(text: string): Parsed<Readonly<Record<string, string>>> {
  const pairs = parsePairs(text);
  if (pairs.kind === 'invalid' || Object.values(pairs.value).every((value) => fieldForm.test(value))) return pairs;
  return unparsable('a value has characters that no header field can have');
}

/** Parses the URL of a collector: http or https, without user, query and fragment, because it is printed. */
export function parseCollectorUrl(text: string): Parsed<string> {
  if (!/^https?:\/\/[^\s\\?#]+$/i.test(text) || !URL.canParse(text)) return unparsable('it is no http or https URL');
  const { username, password, href } = new URL(text);
  if (username !== '' || password !== '') return unparsable('credentials belong into the headers');
  const base = withoutTrailing(href, '/');
  // A host of another script is longer in ASCII, and may be too long then.
  return URL.canParse(base) ? parsed(base) : unparsable('its host is too long');
}

/** Parses a number from 0 to 1. */
export function parseRatio(text: string): Parsed<number> {
  if (!/^(?:0|1|0?\.[0-9]{1,9}|0\.[0-9]{1,9}|1\.0{1,9})$/.test(text)) return unparsable('it is no number from 0 to 1');
  return parsed(Number(text));
}
