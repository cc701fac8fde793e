/** Parses `Content-Type` (RFC 9110 §8.3.1). Only `charset` decides anything; other parameters are ignored, as RFC 9110 §5.6.6 allows. */

export interface MediaType {
  /** Type and subtype in lower case. */
  readonly essence: string;
  /** The charset in lower case; undefined when there is none. */
  readonly charset: string | undefined;
}

const maxLength = 256;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const essenceForm = new RegExp(`^[ \\t]*(${token}/${token})[ \\t]*(?:;|$)`);
const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"';
// RFC 9110 §5.6.6: a parameter may be empty, as in `application/json;`.
const parameterForm = new RegExp(`[ \\t]*(?:(${token})=(${token}|${quoted}))?[ \\t]*(?:;|$)`, 'y');

/** The media type of a header value; undefined when the value breaks the grammar or has two charsets. */
export function parseMediaType(value: string): MediaType | undefined {
  const start = value.length > maxLength ? null : essenceForm.exec(value);
  if (start === null) return undefined;
  let charset: string | undefined;
  let at = start[0].length;
  while (at < value.length) {
    parameterForm.lastIndex = at;
    const parameter = parameterForm.exec(value);
    if (parameter === null) return undefined;
    at = parameterForm.lastIndex;
    if (parameter[1]?.toLowerCase() !== 'charset') continue;
    if (charset !== undefined) return undefined;
    charset = unquote(parameter[2] as string).toLowerCase();
  }
  return { essence: (start[1] as string).toLowerCase(), charset };
}

/** Whether a header value is this type in UTF-8. `utf8` is no registered name, but clients send it (WHATWG Encoding §4.2). */
export function isUtf8Type(value: string, essence: string): boolean {
  const type = parseMediaType(value);
  if (type?.essence !== essence) return false;
  return type.charset === undefined || type.charset === 'utf-8' || type.charset === 'utf8';
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text;
}
