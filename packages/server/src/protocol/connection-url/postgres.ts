import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { decode, isList, type NonEmpty, parseHost, parsePort, parseServersUrl, type ServersUrl } from './authority.ts';
import { type PostgresTls, readTls } from './postgres-tls.ts';

interface PostgresHost {
  /** A name, an address, or the absolute path of a Unix socket's directory. */
  readonly host: string;
  readonly port: number;
}

export interface PostgresUrl {
  /** The servers of one cluster. One of them accepts writes. */
  readonly hosts: NonEmpty<PostgresHost>;
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

/** The values of `target_session_attrs` that mean what a connection is for, and the sentence for the others. */
interface Target {
  readonly accepted: readonly string[];
  readonly sentence: string;
}

const primary: Target = {
  accepted: ['read-write', 'primary'],
  sentence: 'its target_session_attrs must be read-write or primary, because every connection writes',
};
const replica: Target = {
  accepted: ['any', 'read-only', 'standby', 'prefer-standby'],
  sentence:
    'its target_session_attrs must be any, read-only, standby or prefer-standby, because a replica is only read',
};

/**
 * Parses a connection URI of libpq (PostgreSQL documentation, "Connection URIs"), with the servers of one cluster in any
 * order. The driver's own parser reads files, and gives `sslmode` other meanings.
 */
export function parsePostgresUrl(text: string): Parsed<PostgresUrl> {
  return parseFor(text, primary);
}

/** Parses a connection URI of servers that are only read. */
export function parseReplicaUrl(text: string): Parsed<PostgresUrl> {
  return parseFor(text, replica);
}

function parseFor(text: string, target: Target): Parsed<PostgresUrl> {
  const url = parseServersUrl(text, ['postgres', 'postgresql']);
  if (url.kind === 'invalid') return url;
  const unsupported = findUnsupported(url.value, target);
  if (unsupported !== undefined) return unparsable(unsupported);
  const hosts = readAddresses(url.value);
  if (hosts.kind === 'invalid') return hosts;
  const database = decode(url.value.path.slice(1));
  if (database === undefined || database.includes('/')) return unparsable('its path must be the name of a database');
  const tls = readTls(url.value.parameters);
  if (tls.kind === 'invalid') return tls;
  return parsed({ hosts: hosts.value, ...readLogin(url.value, database), ...readSession(url.value), tls: tls.value });
}

/** The parameters replace the parts of the URL. */
function readLogin({ user, password, parameters }: ServersUrl, database: string) {
  return {
    user: parameters.get('user') || user,
    password: parameters.get('password') || password,
    database: parameters.get('dbname') || database || undefined,
  };
}

function readSession({ parameters }: ServersUrl): Pick<PostgresUrl, 'options' | 'channelBinding'> {
  const binding = parameters.get('channel_binding') ?? 'disable';
  return { options: parameters.get('options') || undefined, channelBinding: binding !== 'disable' };
}

function findUnsupported({ parameters }: ServersUrl, target: Target): string | undefined {
  if (parameters.has('connect_timeout')) return 'set DATABASE_CONNECT_TIMEOUT_MS instead of connect_timeout';
  const unknown = [...parameters.keys()].find((name) => !known.has(name));
  // The name is shown only when it can be no part of a password.
  if (unknown !== undefined)
    return `its parameter ${/^[a-z_]{1,40}$/.test(unknown) ? unknown : 'after ?'} is not supported`;
  const attributes = parameters.get('target_session_attrs');
  return attributes === undefined || target.accepted.includes(attributes) ? undefined : target.sentence;
}

/**
 * The parameters `host` and `port` replace those before the path, as in `postgresql://user@/database?host=/run/pg`. A list of
 * hosts has one port for all or one for each.
 */
function readAddresses(url: ServersUrl): Parsed<NonEmpty<PostgresHost>> {
  const [names, ports] = [readNames(url), readPorts(url)];
  if (ports.length !== 1 && ports.length !== names.length) return unparsable('it needs one port, or one for each host');
  const addresses = names.map((host, index) => ({ host, port: ports[ports.length === 1 ? 0 : index] }));
  const valid = addresses.filter(isAddress);
  if (valid.length !== addresses.length || !isList(valid)) return unparsable('its host or port is not valid');
  const isRepeated = new Set(valid.map(({ host, port }) => `${host}:${port}`)).size < valid.length;
  if (isRepeated) return unparsable('it names a host twice');
  const [first, ...others] = valid;
  return parsed([{ ...first, host: first.host || 'localhost' }, ...others]);
}

function readNames({ hosts, parameters }: ServersUrl): readonly (string | undefined)[] {
  const named = parameters.get('host');
  return named === undefined ? hosts.map(({ host }) => host) : named.split(',').map(encodeURIComponent).map(parseHost);
}

function readPorts({ hosts, parameters }: ServersUrl): readonly (number | null)[] {
  const digits = parameters.get('port');
  return digits === undefined ? hosts.map(({ port = defaultPort }) => port) : digits.split(',').map(readPort);
}

function isAddress(address: {
  readonly host: string | undefined;
  readonly port: number | null | undefined;
}): address is PostgresHost {
  return address.host !== undefined && typeof address.port === 'number';
}

const defaultPort = 5432;

function readPort(digits: string): number | null {
  return digits === '' ? defaultPort : parsePort(digits);
}
