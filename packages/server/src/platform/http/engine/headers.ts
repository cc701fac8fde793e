/** The headers that every answer of a kind has, built once. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Endpoint } from '../endpoint.ts';

/** Headers by lower-case name. */
export type Headers = Readonly<Record<string, string>>;

/** Names and values in turn, as the wire has them: the engine's own reply costs 3 µs more than writing these. */
export type HeaderList = readonly string[];

const readyTexts = new WeakMap<HeaderList, string>();

/** Headers that are the same on many answers, as a list that is checked once, and known as a text from then on. */
export function headerList(headers: Headers): HeaderList {
  const entries = Object.entries(headers);
  for (const [name, value] of entries) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  const list = entries.flat();
  readyTexts.set(list, entries.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
  return list;
}

/** The lines of a list that `headerList` made; undefined for any other. */
export function readyText(list: HeaderList): string | undefined {
  return readyTexts.get(list);
}

/** No script, no frame, nothing from elsewhere; forms go to us only. No page of ours returns anywhere else. */
const pagePolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** Data is no page: shown by itself or in a frame it can load and do nothing (OWASP REST Security Cheat Sheet). */
const dataPolicy = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/** Two years: what the browsers' preload list asks for is one (hstspreload.org), with subdomains and this last word. */
const hsts = 'max-age=63072000; includeSubDomains; preload';

/** Nothing of the machine is for our pages, whatever a later one might load. */
const permissions = [
  'accelerometer',
  'autoplay',
  'camera',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'geolocation',
  'gyroscope',
  'identity-credentials-get',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'screen-wake-lock',
  'serial',
  'usb',
  'xr-spatial-tracking',
]
  .map((name) => `${name}=()`)
  .join(', ');

/** What the headers follow. */
export interface HeaderPolicy {
  /** True for an https public URL in production: browsers remember it. */
  readonly strictTransportSecurity: boolean;
}

/** The headers of an endpoint's answers; those of problems are `dataHeaders`. */
export function headersFor(endpoint: Endpoint, policy: HeaderPolicy): Headers {
  const base = baseHeaders(policy);
  if (endpoint.kind === 'api') return { ...dataHeaders(policy), 'content-type': 'application/json; charset=utf-8' };
  if (endpoint.kind === 'page') return { ...base, ...pageHeaders };
  return {
    ...base,
    'content-type': endpoint.contentType,
    ...(endpoint.cacheSeconds > 0 && { 'cache-control': `public, max-age=${endpoint.cacheSeconds}` }),
    ...(endpoint.openToCors && { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' }),
  };
}

/** Additionally on HTML. */
export const pageHeaders: Headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pagePolicy,
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': permissions,
};

/** On everything. `no-store` is the default, so that a new endpoint cannot forget it (invariant 11). */
export function baseHeaders(policy: HeaderPolicy): Headers {
  return {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    ...(policy.strictTransportSecurity && { 'strict-transport-security': hsts }),
  };
}

/** On data and problems. What concerns documents only (opener, permissions) would cost each answer half a µs a header. */
export function dataHeaders(policy: HeaderPolicy): Headers {
  return { ...baseHeaders(policy), 'content-security-policy': dataPolicy };
}
