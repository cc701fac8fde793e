import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { parseServerUrl } from './authority.ts';

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The number of the logical database. */
  readonly db: number;
}

/** Parses REDIS_URL: `redis://user:password@host:6379/0`, or `rediss:` for TLS. */
export function parseRedisUrl(text: string): Parsed<RedisServer> {
  const url = parseServerUrl(text, ['redis', 'rediss']);
  if (url.kind === 'invalid') return url;
  const { scheme, host, port = 6379, user: username, password, path, parameters } = url.value;
  if (host === '' || host.startsWith('/')) return unparsable('it has no host');
  const [, db = '0'] = /^\/?$|^\/([0-9]{1,5})$/.exec(path) ?? [undefined, ''];
  if (db === '') return unparsable('its path must be the number of a database, such as /0');
  if (username !== undefined && password === undefined) return unparsable('it has a user without a password');
  if (parameters.size > 0) return unparsable('it must have no parameters');
  return parsed({ host, port, tls: scheme === 'rediss', username, password, db: Number(db) });
}
