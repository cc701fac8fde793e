import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { decodeBase64, encodeB64 } from './base64.ts';

/**
 * Writes the two JSON texts of a password credential of Keycloak, `credentialData` and `secretData`, as one PHC string.
 * Returns null for texts of another form or algorithm. `acceptsImportedHash` decides about the result.
 * Keycloak's algorithms are pbkdf2 (HMAC-SHA-1), pbkdf2-sha256, pbkdf2-sha512 and argon2.
 */
export function phcOfKeycloak(credentialData: string, secretData: string): string | null {
  const { algorithm, hashIterations, additionalParameters } = readObject(credentialData);
  const secret = readObject(secretData);
  const [salt, tag] = [secret.salt, secret.value].map(readBytes);
  if (!salt || !tag || !Number.isSafeInteger(hashIterations)) return null;
  const iterations = Number(hashIterations);
  const parts = `${encodeB64(salt)}$${encodeB64(tag)}`;
  if (algorithm === 'argon2') return formatArgon2(additionalParameters, iterations, parts);
  const digest = typeof algorithm === 'string' ? digests.get(algorithm) : undefined;
  return digest === undefined ? null : `$pbkdf2-${digest}$i=${iterations},l=${tag.length}$${parts}`;
}

/** The members of the two texts that are read. */
interface Members {
  readonly algorithm?: unknown;
  readonly hashIterations?: unknown;
  readonly additionalParameters?: unknown;
  readonly salt?: unknown;
  readonly value?: unknown;
}

const digests: ReadonlyMap<string, string> = new Map([
  ['pbkdf2', 'sha1'],
  ['pbkdf2-sha256', 'sha256'],
  ['pbkdf2-sha512', 'sha512'],
]);

/** Every additional parameter is a list of texts with one element. */
function formatArgon2(additional: unknown, iterations: number, parts: string): string | null {
  if (!isObject(additional)) return null;
  const [type, version, memory, parallelism] = ['type', 'version', 'memory', 'parallelism'].map((name) => {
    const list = additional[name];
    return Array.isArray(list) && list.length === 1 ? String(list[0]) : '';
  });
  if (version !== '1.3' || !/^(?:id|i|d)$/.test(type ?? '')) return null;
  return `$argon2${type}$v=19$m=${memory},t=${iterations},p=${parallelism}$${parts}`;
}

function readObject(text: string): Members {
  const parsed = parseStrictJson(text);
  return parsed.kind === 'ok' && isObject(parsed.value) ? parsed.value : {};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readBytes(value: unknown): Buffer | null {
  return typeof value === 'string' ? decodeBase64(value) : null;
}
