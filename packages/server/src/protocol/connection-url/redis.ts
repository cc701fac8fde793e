import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { type HostAndPort, type NonEmpty, parseServersUrl, type ServersUrl } from './authority.ts';

interface RedisLogin {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** A server with a fixed address. */
interface RedisAddress {
  readonly kind: 'server';
  readonly host: string;
  readonly port: number;
}

/** The primary that Redis Sentinel names at the moment. */
interface RedisSentinels {
  readonly kind: 'sentinel';
  readonly sentinels: NonEmpty<{ readonly host: string; readonly port: number }>;
  /** The name of the primary in the configuration of the sentinels. */
  readonly name: string;
  /** The login to the sentinels; those of Redis are not valid there. */
  readonly sentinelLogin: RedisLogin;
}

export type RedisServer = RedisLogin &
  (RedisAddress | RedisSentinels) & {
    /** For Redis and its sentinels. */
    readonly tls: boolean;
    /** The number of the logical database. */
    readonly db: number;
  };

/**
 * Parses REDIS_URL: `redis://user:password@host:6379/0`, or `redis+sentinel://user:password@host:26379,host:26379/name/0`
 * for a primary that Redis Sentinel names. `rediss:` and `rediss+sentinel:` use TLS.
 */
export function parseRedisUrl(text: string): Parsed<RedisServer> {
  const url = parseServersUrl(text, ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel']);
  if (url.kind === 'invalid') return url;
  const { scheme, hosts, user: username, password } = url.value;
  if (hosts.some(({ host }) => host === '' || host.startsWith('/'))) return unparsable('it has no host');
  if (username !== undefined && password === undefined) return unparsable('it has a user without a password');
  const login = { username, password, tls: scheme.startsWith('rediss') };
  const address = scheme.endsWith('+sentinel') ? readSentinels(url.value) : readServer(url.value);
  return address.kind === 'invalid' ? address : parsed({ ...login, ...address.value });
}

type Address = (RedisAddress | RedisSentinels) & { readonly db: number };

function readServer({ hosts: [first, ...others], path, parameters }: ServersUrl): Parsed<Address> {
  if (others.length > 0) return unparsable('it must have one host; several sentinels need redis+sentinel://');
  const [, db = '0'] = /^\/?$|^\/([0-9]{1,5})$/.exec(path) ?? [undefined, ''];
  if (db === '') return unparsable('its path must be the number of a database, such as /0');
  if (parameters.size > 0) return unparsable('it must have no parameters');
  return parsed({ kind: 'server', host: first.host, port: first.port ?? 6379, db: Number(db) });
}

function readSentinels({ hosts: [first, ...others], path, parameters }: ServersUrl): Parsed<Address> {
  // The names that Sentinel itself accepts.
  const [, name, db = '0'] = /^\/([A-Za-z0-9._-]{1,200})(?:\/([0-9]{1,5}))?\/?$/.exec(path) ?? [];
  if (name === undefined)
    return unparsable('its path must be the name of the primary and the number of a database, such as /mymaster/0');
  if ([...parameters.keys()].some((key) => key !== 'sentinel_user' && key !== 'sentinel_password'))
    return unparsable('its only parameters can be sentinel_user and sentinel_password');
  const sentinelLogin = {
    username: parameters.get('sentinel_user') || undefined,
    password: parameters.get('sentinel_password') || undefined,
  };
  if (sentinelLogin.username !== undefined && sentinelLogin.password === undefined)
    return unparsable('it has a sentinel_user without a sentinel_password');
  const sentinels = [sentinelAt(first), ...others.map(sentinelAt)] as const;
  return parsed({ kind: 'sentinel', sentinels, name, sentinelLogin, db: Number(db) });
}

function sentinelAt({ host, port = 26_379 }: HostAndPort): { readonly host: string; readonly port: number } {
  return { host, port };
}
