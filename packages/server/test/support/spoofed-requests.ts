/** Requests that claim to be sent to another host. */

/** The host that every spoofed request names. */
export const attackerHost = 'evil.example';

/** The claims of one request. */
export interface SpoofedRequest {
  readonly what: string;
  /** The header lines that replace `Host: <the listener's>`. */
  readonly lines: (host: string) => readonly string[];
  /** The request target that replaces the path. */
  readonly target?: (path: string) => string;
}

const withHost = (...lines: readonly string[]) => ({ lines: (host: string) => [`Host: ${host}`, ...lines] });

/** Requests to which the server responds as if they claimed nothing. */
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
    what: 'unofficial host headers',
    ...withHost(`X-Host: ${attackerHost}`, `X-HTTP-Host-Override: ${attackerHost}`, `X-Real-IP: ${attackerHost}`),
  },
  { what: 'Origin-like headers', ...withHost(`Referer: http://${attackerHost}/`, `Via: 1.1 ${attackerHost}`) },
  { what: 'an absolute-form target', ...withHost(), target: (path) => `http://${attackerHost}${path}` },
];

/** Invalid requests (RFC 9112 §3.2). */
export const rejectedSpoofs: readonly SpoofedRequest[] = [
  { what: 'two Hosts', ...withHost(`Host: ${attackerHost}`) },
  { what: 'two Hosts, the valid one last', lines: (host) => [`Host: ${attackerHost}`, `Host: ${host}`] },
  { what: 'no Host', lines: () => [] },
  { what: 'a folded Host', lines: (host) => [`Host: ${host}`, ` ${attackerHost}`] },
];
