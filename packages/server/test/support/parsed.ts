import type { Parsed } from '#kernel/parsed.ts';
import type { PostgresServer } from '#platform/database/index.ts';
import { parsePostgresUrl } from '#protocol/connection-url/index.ts';

/** The value of a text that a test knows to be valid. */
export function parsedValue<T>(result: Parsed<T>): T {
  if (result.kind === 'invalid') throw new Error(result.reason);
  return result.value;
}

/** The server of a URL that names no files. */
export function serverAt(url: string): PostgresServer {
  const server = parsedValue(parsePostgresUrl(url));
  return { ...server, tls: { mode: server.tls.mode } };
}
