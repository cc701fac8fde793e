/**
 * Decodes base64url without padding (RFC 4648 §5); returns undefined for every text that an encoder would not write.
 * Buffer alone accepts padding, `+`, foreign characters and non-zero trailing bits, so that one value would have many texts.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** Decodes all texts; undefined when one of them is malformed. */
export function decodeAll<const T extends readonly string[]>(
  texts: T,
): { readonly [K in keyof T]: Buffer } | undefined {
  const decoded = texts.map(decodeBase64url);
  return decoded.includes(undefined) ? undefined : (decoded as { readonly [K in keyof T]: Buffer });
}

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
