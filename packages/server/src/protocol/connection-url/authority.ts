import { domainToASCII } from 'node:url';
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { parseAddress } from '#protocol/network-address/index.ts';

export interface HostAndPort {
  /** A name, an address without brackets, or the absolute path of a Unix socket's directory; empty when there is none. */
  readonly host: string;
  readonly port: number | undefined;
}

/** At least one. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** A URL of the servers of one service, with its parts decoded. */
export interface ServersUrl {
  /** In lower case, without the colon. */
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly hosts: NonEmpty<HostAndPort>;
  /** As written, with its slash. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The same with a single server. */
export interface ServerUrl extends Omit<ServersUrl, 'hosts'>, HostAndPort {}

const form = /^([a-z][a-z+]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is;
const hostForm = /^(\[[^[\]]*\]|[^:[\]]*)(?::([0-9]*))?$/;

/** More are a mistake, and each is connected to at the same time. */
const hostsAtMost = 10;

const oneHost = 'it must have one host, and a port from 1 to 65535 if any';

/** Splits the URL of a single server; otherwise as `parseServersUrl`. */
export function parseServerUrl(text: string, schemes: readonly string[]): Parsed<ServerUrl> {
  const url = parseServersUrl(text, schemes, oneHost);
  if (url.kind === 'invalid') return url;
  const { hosts, ...rest } = url.value;
  return hosts.length === 1 ? parsed({ ...rest, ...hosts[0] }) : unparsable(oneHost);
}

/**
 * Splits `scheme://user:password@host:port,host:port/path?name=value`. The URL class is not used: it rejects a list of
 * hosts and a user without a host, which are valid for PostgreSQL, and accepts a malformed escape, which the drivers reject.
 */
export function parseServersUrl(
  text: string,
  schemes: readonly string[],
  badHosts = 'its hosts must be names or addresses, each with a port from 1 to 65535 if any',
): Parsed<ServersUrl> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
  if (/[\u0000-\u001f\u007f]/.test(text)) return unparsable('it contains a control character');
  const [, scheme = '', authority = '', path = '', query = '', fragment] = form.exec(text) ?? [];
  if (!schemes.includes(scheme.toLowerCase())) return unparsable(`it must begin with ${schemes.join(':// or ')}://`);
  if (fragment !== undefined) return unparsable('it has a fragment; write # in a password as %23');
  const at = authority.lastIndexOf('@');
  const credentials = readCredentials(at === -1 ? undefined : authority.slice(0, at));
  if (credentials === undefined) return unparsable('its user or password has a malformed escape; write % as %25');
  const hosts = readHosts(authority.slice(at + 1));
  if (hosts === undefined) return unparsable(badHosts);
  const parameters = readParameters(query);
  if (parameters === undefined) return unparsable('it has a malformed or repeated parameter');
  return parsed({ scheme: scheme.toLowerCase(), ...credentials, hosts, path, parameters });
}

function readCredentials(text: string | undefined): Pick<ServersUrl, 'user' | 'password'> | undefined {
  if (text === undefined) return { user: undefined, password: undefined };
  const colon = text.indexOf(':');
  const user = decode(colon === -1 ? text : text.slice(0, colon));
  const password = decode(colon === -1 ? '' : text.slice(colon + 1));
  if (user === undefined || password === undefined) return undefined;
  return { user: user || undefined, password: password || undefined };
}

function readHosts(text: string): NonEmpty<HostAndPort> | undefined {
  const read = text.split(',').map(readHost);
  const hosts = read.filter((each) => each !== undefined);
  return hosts.length === read.length && isList(hosts) ? hosts : undefined;
}

/** Whether these can be the hosts of one URL. Only a single host may be left out, for the default. */
export function isList<T extends HostAndPort>(hosts: readonly T[]): hosts is NonEmpty<T> {
  if (hosts.length > 1 && hosts.some(({ host }) => host === '')) return false;
  return hosts.length > 0 && hosts.length <= hostsAtMost;
}

function readHost(text: string): HostAndPort | undefined {
  const [whole, written = '', digits = ''] = hostForm.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const host = parseHost(written);
  const port = digits === '' ? undefined : parsePort(digits);
  return host === undefined || port === null ? undefined : { host, port };
}

/** Returns null for text that is not a port that can be connected to. */
export function parsePort(digits: string): number | null {
  const port = /^[0-9]{1,5}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

const name = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/;

/** Accepts underscores, which names of containers may have. */
export function parseHost(text: string): string | undefined {
  if (text.startsWith('[')) return parseAddress(text.slice(1, -1)) === null ? undefined : text.slice(1, -1);
  const decoded = decode(text);
  if (decoded === undefined || decoded === '' || decoded.startsWith('/')) return decoded;
  if (parseAddress(decoded) !== null) return decoded;
  // The conversion would cut at these characters or decode them.
  if (/[/\\?#@:%\s]/.test(decoded)) return undefined;
  const ascii = domainToASCII(decoded);
  return name.test(ascii) ? ascii : undefined;
}

function readParameters(query: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter(Boolean)) {
    const [written = '', ...rest] = pair.split('=');
    const [key, value] = [decode(written), decode(rest.join('='))];
    if (key === undefined || value === undefined || parameters.has(key)) return undefined;
    parameters.set(key, value);
  }
  return parameters;
}

/** Decodes escapes; undefined for a malformed one and for NUL, which no protocol can carry. */
export function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes('\0') ? undefined : decoded;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
