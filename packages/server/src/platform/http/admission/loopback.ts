/** Admission to `/dev/*`: requests of the machine that the server runs on, and of no other site's page in its browser. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { Problem } from '#kernel/problem.ts';

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * The problem of a request to an endpoint that only this machine may reach.
 * `Host` must name this machine: a page on a name that an attacker points at it (DNS rebinding) runs in a browser here, and
 * is of the same origin. Forwarding headers decide nothing, because a proxy need not send them.
 */
export function loopbackProblem({ socket, headers, method }: IncomingMessage): Problem | undefined {
  const { host = '' } = headers;
  const address = socket.remoteAddress ?? '';
  const isHere = loopbackHost.test(host) && loopback.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  if (!isHere) return new Problem('not_found', { log: 'only a loopback client with a loopback Host may use it' });
  return isOwnOrNoPage(headers, host, method) ? undefined : new Problem('cross_site_request');
}

/**
 * Whether a request is of a page of this listener, of no page, or opens a page by a link. Another site can follow such a
 * link too: GET changes nothing, and the response can be neither framed nor read by the page that opened it.
 */
function isOwnOrNoPage(headers: IncomingHttpHeaders, host: string, method: string | undefined): boolean {
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return false;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return true;
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}
