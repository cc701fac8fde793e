/** Fatal, because a replacement character would give different bytes the same text. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8 (RFC 3629) and keeps a byte order mark; undefined for bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    // Malformed UTF-8 is expected input; any other error is a bug.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
