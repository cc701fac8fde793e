/** The headers that every response of a kind has, built once at start. */
import type { Endpoint, ServedFile } from '../endpoint.ts';

/** Headers by lower-case name; an array is one header line for each value. */
export type Headers = Readonly<Record<string, string | string[]>>;

/**
 * No frame, nothing of another origin, and no style or script in the page; no script that writes markup. Forms are sent to us
 * only: a page that leads to another origin does so by a link and a refresh, which this policy does not follow.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** For pages whose script asks the API for the options of a passkey. */
const callingPolicy = `${pagePolicy}; connect-src 'self'`;

/** For pages of developers that show mails. */
const framingPolicy = `${pagePolicy}; frame-src 'self'`;

/** The inline styles of a mail, in a frame of ours; the sandbox stops scripts, forms and navigation. */
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'; " +
  "base-uri 'none'; sandbox";

/** A browser that opens data as a page or in a frame loads and runs nothing (OWASP REST Security Cheat Sheet). */
const dataPolicy = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/** For an operator's image: its own style, and nothing else (an SVG can have scripts, links and images of other origins). */
const imagePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** Two years. The preload list of browsers requires one, `includeSubDomains` and `preload` (hstspreload.org). */
const hsts = 'max-age=63072000; includeSubDomains; preload';

/** Our pages use no device and no sensor; this also holds for what a later page might load. */
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

export interface HeaderPolicy {
  /** For an https public URL in production; browsers remember it for two years. */
  readonly strictTransportSecurity: boolean;
}

/** The headers of an endpoint's responses; those of problems are `dataHeaders`. */
export function headersFor(endpoint: Endpoint, policy: HeaderPolicy): Headers {
  const base = baseHeaders(policy);
  if (endpoint.kind === 'api') return { ...dataHeaders(policy), 'content-type': 'application/json; charset=utf-8' };
  if (endpoint.kind === 'page') {
    return {
      ...base,
      ...pageHeaders,
      ...(endpoint.callsApi && { 'content-security-policy': callingPolicy }),
      ...(endpoint.framesMail && { 'content-security-policy': framingPolicy }),
    };
  }
  return {
    ...base,
    'content-type': endpoint.contentType,
    ...(endpoint.isMail && { 'content-security-policy': mailPolicy }),
    ...(endpoint.cacheSeconds > 0 && { 'cache-control': `public, max-age=${endpoint.cacheSeconds}` }),
    ...(endpoint.openToCors && { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' }),
  };
}

/** The headers of one of several files. A cache keeps what is named by its content; each encoding on its own. */
export function fileHeaders({ contentType, isPermanent, encoded, isImage }: ServedFile): Headers {
  return {
    'content-type': contentType,
    ...(isPermanent && { 'cache-control': 'public, max-age=31536000, immutable' }),
    ...(encoded !== undefined && { vary: 'accept-encoding' }),
    ...(isImage && { 'content-security-policy': imagePolicy }),
  };
}

/** Added to every page. */
export const pageHeaders: Headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pagePolicy,
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': permissions,
  // Addresses of pages contain the secrets of mailed links. `no-referrer` would also make browsers send `Origin: null` with
  // our own forms (Fetch, "append a request Origin header").
  'referrer-policy': 'strict-origin',
};

/** On every response. `no-store` is the default, so that a new endpoint cannot forget it (invariant 11). */
export function baseHeaders(policy: HeaderPolicy): Headers {
  return {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    ...(policy.strictTransportSecurity && { 'strict-transport-security': hsts }),
  };
}

/** On data and problems. Headers that concern pages only (opener, permissions) are left out to keep responses small. */
export function dataHeaders(policy: HeaderPolicy): Headers {
  return { ...baseHeaders(policy), 'content-security-policy': dataPolicy };
}
