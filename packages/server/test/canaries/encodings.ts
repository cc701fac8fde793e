/** The forms in which a secret can turn up where nobody looks for it. */

/** Every form, by name. */
export function formsOf(secret: string | Buffer): Readonly<Record<string, readonly string[]>> {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const base64 = base64Within(bytes);
  const ofBytes = {
    base64,
    base64url: base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    hex: [hex, hex.toUpperCase()],
  };
  return typeof secret === 'string' ? { ...ofBytes, ...formsOfText(secret) } : ofBytes;
}

function formsOfText(text: string): Record<string, readonly string[]> {
  const inJson = JSON.stringify(text).slice(1, -1);
  return {
    plain: [text],
    reversed: [Array.from(text).reverse().join('')],
    'JSON-escaped': [inJson, JSON.stringify(inJson).slice(1, -1), toAscii(inJson)],
    'URL-encoded': [encodeURIComponent(text), new URLSearchParams({ '': text }).toString().slice(1), encodeURI(text)],
    'HTML-escaped': [escapeHtml(text)],
  };
}

/** The text in base64 as it stands within a longer one, at each of the three places where it can begin. */
function base64Within(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const firstOwn = Math.ceil((before * 8) / 6);
    const lastOwn = Math.floor(((before + bytes.length) * 8) / 6);
    return whole.slice(firstOwn, lastOwn);
  });
}

function toAscii(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
