/** Ways to tell a server that it is somebody else. */

/** Where every lie points. */
export const attackerHost = 'evil.example';

/** What a request says of where it goes, beside the truth. */
export interface SpoofedRequest {
  readonly what: string;
  /** Header lines in the place of `Host: <the listener's>`. */
  readonly lines: (host: string) => readonly string[];
  /** What stands in the request line in the place of the path. */
  readonly target?: (path: string) => string;
}

const withHost = (...lines: readonly string[]) => ({ lines: (host: string) => [`Host: ${host}`, ...lines] });

/** Requests that are answered like any other. */
export const ignoredSpoofs: readonly SpoofedRequest[] = [
  { what: 'Host', lines: () => [`Host: ${attackerHost}`] },
  { what: 'Host with a port', lines: () => [`Host: ${attackerHost}:8443`] },
  {
    what: 'X-Forwarded-*',
    ...withHost(
      `X-Forwarded-Host: ${attackerHost}`,
      'X-Forwarded-Proto: gopher',
      'X-Forwarded-Port: 8443',
      `X-Forwarded-Prefix: /${attackerHost}`,
      'X-Forwarded-For: 203.0.113.9',
      `X-Forwarded-Server: ${attackerHost}`,
      'X-Forwarded-Scheme: http',
    ),
  },
  {
    what: 'X-Forwarded-Host twice',
    ...withHost(`X-Forwarded-Host: ${attackerHost}`, `X-Forwarded-Host: b.${attackerHost}`),
  },
  {
    what: 'Forwarded',
    ...withHost(`Forwarded: for=203.0.113.9;host=${attackerHost};proto=http, host="b.${attackerHost}"`),
  },
  {
    what: 'X-Original-URL and X-Rewrite-URL',
    ...withHost(
      `X-Original-URL: http://${attackerHost}/livez`,
      'X-Rewrite-URL: /livez',
      `X-Original-Host: ${attackerHost}`,
    ),
  },
  {
    what: 'other names for a host',
    ...withHost(`X-Host: ${attackerHost}`, `X-HTTP-Host-Override: ${attackerHost}`, `X-Real-IP: ${attackerHost}`),
  },
  { what: 'Origin-like headers', ...withHost(`Referer: http://${attackerHost}/`, `Via: 1.1 ${attackerHost}`) },
  { what: 'an absolute target', ...withHost(), target: (path) => `http://${attackerHost}${path}` },
];

/** Requests that are none: RFC 9112 §3.2. */
export const rejectedSpoofs: readonly SpoofedRequest[] = [
  { what: 'two Hosts', ...withHost(`Host: ${attackerHost}`) },
  { what: 'two Hosts, ours last', lines: (host) => [`Host: ${attackerHost}`, `Host: ${host}`] },
  { what: 'no Host', lines: () => [] },
  { what: 'a folded Host', lines: (host) => [`Host: ${host}`, ` ${attackerHost}`] },
];
