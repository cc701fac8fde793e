/** Ways to tell a server that it is somebody else. */

/** Where every lie points. */
export const elsewhere = 'evil.example';

/** What a request says of where it goes, beside the truth. */
export interface Disguise {
  readonly what: string;
  /** Header lines in the place of `Host: <the listener's>`. */
  readonly lines: (host: string) => readonly string[];
  /** What stands in the request line in the place of the path. */
  readonly target?: (path: string) => string;
}

const withHost = (...lines: readonly string[]) => ({ lines: (host: string) => [`Host: ${host}`, ...lines] });

/** Requests that are answered like any other. */
export const believedByNobody: readonly Disguise[] = [
  { what: 'Host', lines: () => [`Host: ${elsewhere}`] },
  { what: 'Host with a port', lines: () => [`Host: ${elsewhere}:8443`] },
  {
    what: 'X-Forwarded-*',
    ...withHost(
      `X-Forwarded-Host: ${elsewhere}`,
      'X-Forwarded-Proto: gopher',
      'X-Forwarded-Port: 8443',
      `X-Forwarded-Prefix: /${elsewhere}`,
      'X-Forwarded-For: 203.0.113.9',
      `X-Forwarded-Server: ${elsewhere}`,
      'X-Forwarded-Scheme: http',
    ),
  },
  { what: 'X-Forwarded-Host twice', ...withHost(`X-Forwarded-Host: ${elsewhere}`, `X-Forwarded-Host: b.${elsewhere}`) },
  { what: 'Forwarded', ...withHost(`Forwarded: for=203.0.113.9;host=${elsewhere};proto=http, host="b.${elsewhere}"`) },
  {
    what: 'X-Original-URL and X-Rewrite-URL',
    ...withHost(`X-Original-URL: http://${elsewhere}/livez`, 'X-Rewrite-URL: /livez', `X-Original-Host: ${elsewhere}`),
  },
  {
    what: 'other names for a host',
    ...withHost(`X-Host: ${elsewhere}`, `X-HTTP-Host-Override: ${elsewhere}`, `X-Real-IP: ${elsewhere}`),
  },
  { what: 'Origin-like headers', ...withHost(`Referer: http://${elsewhere}/`, `Via: 1.1 ${elsewhere}`) },
  { what: 'an absolute target', ...withHost(), target: (path) => `http://${elsewhere}${path}` },
];

/** Requests that are none: RFC 9112 §3.2. */
export const refused: readonly Disguise[] = [
  { what: 'two Hosts', ...withHost(`Host: ${elsewhere}`) },
  { what: 'two Hosts, ours last', lines: (host) => [`Host: ${elsewhere}`, `Host: ${host}`] },
  { what: 'no Host', lines: () => [] },
  { what: 'a folded Host', lines: (host) => [`Host: ${host}`, ` ${elsewhere}`] },
];
