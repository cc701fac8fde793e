/** Requests of the machine that the server runs on, for endpoints that no other machine may reach. */
import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Whether a request comes from this machine and was not forwarded by a proxy on it: a tunnel to a development server also
 * connects from here, and adds a forwarding header. `Host` must name this machine, since a page on a name that an attacker
 * points at it (DNS rebinding) runs in a browser here.
 */
export function isFromLoopback({ socket, headers }: IncomingMessage): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  if (!loopbackHost.test(headers.host ?? '')) return false;
  const address = socket.remoteAddress ?? '';
  return loopback.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}
