import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { decode, parseHost, parsePort, parseServerUrl, type ServerUrl } from './authority.ts';
import { type PostgresTls, readTls } from './postgres-tls.ts';

export interface PostgresUrl {
  /** A name, an address, or the absolute path of a Unix socket's directory. */
  readonly host: string;
  readonly port: number;
  /** Undefined: the operating system's user, as libpq does. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Undefined: the name of the user. */
  readonly database: string | undefined;
  /** Command-line options for the server, such as `-c search_path=auth`. */
  readonly options: string | undefined;
  readonly channelBinding: boolean;
  readonly tls: PostgresTls;
}

const known = new Set([
  ...'host port user password dbname options channel_binding target_session_attrs'.split(' '),
  ...'ssl sslmode sslrootcert sslcert sslkey uselibpqcompat'.split(' '),
]);

/**
 * Parses a connection URI of libpq (PostgreSQL documentation, "Connection URIs"). The driver's own parser reads files,
 * and gives `sslmode` other meanings.
 */
export function parsePostgresUrl(text: string): Parsed<PostgresUrl> {
  const url = parseServerUrl(text, ['postgres', 'postgresql']);
  if (url.kind === 'invalid') return url;
  const unsupported = findUnsupported(url.value);
  if (unsupported !== undefined) return unparsable(unsupported);
  const address = readAddress(url.value);
  if (address === undefined) return unparsable('its host or port is not valid');
  const database = decode(url.value.path.slice(1));
  if (database === undefined || database.includes('/')) return unparsable('its path must be the name of a database');
  const tls = readTls(url.value.parameters);
  if (tls.kind === 'invalid') return tls;
  return parsed({ ...address, ...readLogin(url.value, database), ...readSession(url.value), tls: tls.value });
}

/** The parameters replace the parts of the URL. */
function readLogin({ user, password, parameters }: ServerUrl, database: string) {
  return {
    user: parameters.get('user') || user,
    password: parameters.get('password') || password,
    database: parameters.get('dbname') || database || undefined,
  };
}

function readSession({ parameters }: ServerUrl): Pick<PostgresUrl, 'options' | 'channelBinding'> {
  const binding = parameters.get('channel_binding') ?? 'disable';
  return { options: parameters.get('options') || undefined, channelBinding: binding !== 'disable' };
}

function findUnsupported({ parameters }: ServerUrl): string | undefined {
  if (parameters.has('connect_timeout')) return 'set DATABASE_CONNECT_TIMEOUT_MS instead of connect_timeout';
  const unknown = [...parameters.keys()].find((name) => !known.has(name));
  // The name is shown only when it can be no part of a password.
  if (unknown !== undefined)
    return `its parameter ${/^[a-z_]{1,40}$/.test(unknown) ? unknown : 'after ?'} is not supported`;
  const session = parameters.get('target_session_attrs') ?? 'any';
  if (!['any', 'read-write', 'primary'].includes(session)) return 'the server must accept writes';
  return undefined;
}

/** The parameters `host` and `port` replace those before the path, as in `postgresql://user@/database?host=/run/pg`. */
function readAddress({ host, port, parameters }: ServerUrl): Pick<PostgresUrl, 'host' | 'port'> | undefined {
  const named = parameters.get('host');
  const address = named === undefined ? host : parseHost(encodeURIComponent(named));
  const digits = parameters.get('port');
  const number = digits === undefined ? (port ?? 5432) : parsePort(digits);
  return address === undefined || number === null ? undefined : { host: address || 'localhost', port: number };
}
