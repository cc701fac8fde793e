/** Where a URL leads, and whether we go there. */
import { isIP } from 'node:net';
import type { Unanswered } from './answer.ts';

/** What the caller vouches for. */
export interface OutboundPolicy {
  /**
   * The URL is the operator's own: it may lead into the operator's network, to any port, and outside production to this
   * machine by http. Never for a URL that came from a person or a tenant.
   */
  readonly allowPrivate: boolean;
}

/** What the client knows of its surroundings. */
export interface DestinationContext {
  readonly production: boolean;
  readonly isGlobal: (address: string) => boolean;
  readonly isLoopback: (address: string) => boolean;
  /** All addresses of a name; a rejection means that it has none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

/** A URL that may be asked if its addresses may. */
export interface Destination {
  readonly kind: 'destination';
  readonly url: URL;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly mayBeAt: (address: string) => boolean;
}

const maxUrlCharacters = 2048;

// What the URL parser drops or turns round: whoever checked the text by eye would have checked another URL.
const misleading = /[\s\\\p{Cc}\p{Cf}]/u;

/**
 * Reads a URL. `http://2130706433/`, `http://0x7f.1` and the like are addresses for the URL parser, so that they meet the
 * same check as their plain spelling (WHATWG URL §3.5).
 */
export function readDestination(
  text: string,
  policy: OutboundPolicy,
  around: DestinationContext,
): Destination | Unanswered {
  const url = parseUrl(text);
  if (url === undefined) return refused('malformed_url');
  const mayBeAt = admission(url.protocol, policy, around);
  if (mayBeAt === undefined) return refused('scheme_not_allowed');
  if (url.username !== '' || url.password !== '') return refused('credentials_in_url');
  if (!policy.allowPrivate && !isUsualPort(url)) return refused('port_not_allowed');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !mayBeAt(host)) return refused('address_not_allowed');
  return { kind: 'destination', url, host, mayBeAt };
}

function parseUrl(text: string): URL | undefined {
  if (text.length > maxUrlCharacters || misleading.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  // With a dot at its end a name is another text for certificates (RFC 6066 §3) and for our breakers.
  return url.hostname.endsWith('.') ? undefined : url;
}

/** Below 1024 live mail servers and the like, and nothing of a stranger's that speaks HTTPS. */
function isUsualPort({ port }: URL): boolean {
  return port === '' || Number(port) >= 1024;
}

/** Which addresses a scheme may lead to; undefined when none. */
function admission(protocol: string, { allowPrivate }: OutboundPolicy, around: DestinationContext) {
  if (protocol === 'https:') return allowPrivate ? () => true : around.isGlobal;
  return protocol === 'http:' && allowPrivate && !around.production ? around.isLoopback : undefined;
}

/** The addresses to connect to. One that is not allowed spoils all: an honest name has no such mixture. */
export async function findAddresses(
  { host, mayBeAt }: Destination,
  around: DestinationContext,
): Promise<{ readonly kind: 'addresses'; readonly addresses: readonly string[] } | Unanswered> {
  const addresses = isIP(host) === 0 ? await around.resolve(host).catch(() => []) : [host];
  if (addresses.length === 0) return { kind: 'failed', reason: 'unresolved' };
  const isAllowed = (address: string) => isIP(address) !== 0 && mayBeAt(address);
  return addresses.every(isAllowed) ? { kind: 'addresses', addresses } : refused('address_not_allowed');
}

function refused(reason: Extract<Unanswered, { kind: 'refused' }>['reason']): Unanswered {
  return { kind: 'refused', reason };
}
