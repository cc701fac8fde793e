/** The settings of the two listeners and of the end of the process. */
import { z } from 'zod';
import { parseCookieDomain } from '#protocol/cookie-domain/index.ts';
import { formatCidr, parseProxyRange } from '#protocol/network-address/index.ts';
import { flag, integer, list, optionalInteger, parsedList, parsedText, text } from './setting.ts';
import { isListenAddress, isPublicOrigin } from './values.ts';

/** Kubernetes gives a variable of this name to every pod beside a Service of that name. */
function serviceLinkHint(service: string) {
  const hint = `Kubernetes sets it for a Service named ${service}: set "enableServiceLinks: false" in the pod, or rename the Service`;
  return (value: unknown) => (typeof value === 'string' && /^(tcp|udp|sctp):\/\//.test(value) ? hint : undefined);
}

export const http = z.object({
  hosts: list(
    ['127.0.0.1', '::1'],
    {
      env: 'LATCHKEY_HOST',
      expected: 'IP addresses or localhost, separated by commas',
      doc: 'Addresses of the public listener, such as `0.0.0.0,::` for all. Outside production, other addresses than loopback also need `LATCHKEY_ALLOW_REMOTE_DEV=1`.',
    },
    isListenAddress,
  ),
  port: integer(0, 65_535, 5625, {
    env: 'LATCHKEY_PORT',
    doc: 'Port of the public listener. With 0 the operating system chooses a free port.',
    hint: serviceLinkHint('latchkey'),
  }),
  publicUrl: text(
    {
      env: 'LATCHKEY_PUBLIC_URL',
      expected:
        'an https origin without a path, such as https://auth.example.com (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'http://localhost:<port>',
      doc: 'The origin at which users and applications reach the server. All links are built from it, and it is the issuer of tokens. Production requires https.',
    },
    isPublicOrigin,
  ),
  cookieDomain: parsedText(
    {
      env: 'LATCHKEY_COOKIE_DOMAIN',
      expected: 'a parent domain of the public URL, such as example.com for https://auth.example.com',
      fallback: 'none: the cookie is of the public URL alone',
      doc: 'Domain whose subdomains share the session cookie. Listed origins below it may also send writes with the cookie. Needs an https public URL.',
    },
    { parse: parseCookieDomain, format: (domain) => domain },
  ),
  trustedProxies: parsedList(
    {
      env: 'LATCHKEY_TRUSTED_PROXIES',
      expected: 'addresses or CIDR ranges such as 10.0.0.0/8, separated by commas, none of them /0',
      fallback: 'none',
      doc: 'Proxies whose `X-Forwarded-For` is trusted. Without any, the client address is the address of the connection.',
    },
    { parse: parseProxyRange, format: formatCidr },
  ),
  shutdownDelaySeconds: optionalInteger(0, 600, {
    env: 'LATCHKEY_SHUTDOWN_DELAY_SECONDS',
    fallback: '5 in production, else 0',
    doc: 'Seconds after SIGTERM in which `/readyz` fails and requests are still accepted, so that load balancers stop sending them.',
  }),
  drainSeconds: integer(0, 600, 25, {
    env: 'LATCHKEY_DRAIN_SECONDS',
    doc: 'Seconds after the shutdown delay in which open requests and jobs may finish.',
  }),
  keepAliveSeconds: integer(1, 3600, 65, {
    env: 'LATCHKEY_KEEP_ALIVE_SECONDS',
    doc: 'Seconds until the server closes an idle connection. It must be longer than the idle timeout of a proxy in front, which otherwise sends requests on connections that are closing.',
  }),
  allowRemoteDevelopment: flag({
    env: 'LATCHKEY_ALLOW_REMOTE_DEV',
    doc: 'Allows a server outside production to listen on addresses that other machines can reach.',
  }),
});

export const ops = z.object({
  host: text(
    {
      env: 'LATCHKEY_OPS_HOST',
      expected: 'an IP address or localhost',
      fallback: '127.0.0.1',
      doc: "Address of the operator's listener (`/metrics`, verbose `/readyz`). It requires no credentials: do not expose it.",
    },
    isListenAddress,
  ),
  port: integer(0, 65_535, 5626, {
    env: 'LATCHKEY_OPS_PORT',
    doc: "Port of the operator's listener. With 0 the operating system chooses a free port.",
    hint: serviceLinkHint('latchkey-ops'),
  }),
});
