/** The encodings in which a secret could appear. */

/** Every encoding by name. */
export function encodingsOf(secret: string | Buffer): Readonly<Record<string, readonly string[]>> {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const base64 = base64Fragments(bytes);
  const ofBytes = {
    base64,
    base64url: base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    hex: [hex, hex.toUpperCase()],
  };
  return typeof secret === 'string' ? { ...ofBytes, ...textEncodings(secret) } : ofBytes;
}

function textEncodings(text: string): Record<string, readonly string[]> {
  const json = JSON.stringify(text).slice(1, -1);
  return {
    plain: [text],
    reversed: [Array.from(text).reverse().join('')],
    'JSON-escaped': [json, JSON.stringify(json).slice(1, -1), toAscii(json)],
    'URL-encoded': [encodeURIComponent(text), new URLSearchParams({ '': text }).toString().slice(1), encodeURI(text)],
    'HTML-escaped': [escapeHtml(text)],
  };
}

/** The base64 of the secret within a longer text, at each of the three alignments. */
function base64Fragments(bytes: Buffer): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    return encoded.slice(start, end);
  });
}

function toAscii(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
