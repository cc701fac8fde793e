/**
 * Well-known URIs. Owns `/.well-known/security.txt` (RFC 9116), `/.well-known/change-password` (W3C, A Well-Known URL for
 * Changing Passwords) and `/.well-known/webauthn` (WebAuthn Level 3 §5.11); no tables. Each exists only when its setting is configured; otherwise the response is 404, by
 * which clients detect that it is not supported.
 */
import type { PasskeySettings } from '#domain/passkeys/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { documentEndpoint, type Endpoint, pageEndpoint } from '#platform/http/index.ts';
import { relatedOrigins } from '#protocol/passkey-origin/index.ts';

export interface WellKnown {
  readonly clock: Clock;
  /** Security contacts in order of preference: `mailto:`, `https:` or `tel:` URIs. */
  readonly securityContacts: readonly string[];
  /** The page of the application where users change their password. */
  readonly changePasswordUrl: string | undefined;
  readonly publicUrl: string;
  readonly passkeys: PasskeySettings;
}

const daySeconds = 24 * 3600;

/** RFC 9116 §2.5.5 recommends less than a year. The expiry moves with the clock, because the file is generated. */
const validSeconds = 180 * daySeconds;

export function wellKnownEndpoints(flow: WellKnown): readonly Endpoint[] {
  return [...securityEndpoints(flow), ...changePasswordEndpoints(flow), ...relatedOriginEndpoints(flow)];
}

function securityEndpoints(flow: WellKnown): readonly Endpoint[] {
  if (flow.securityContacts.length === 0) return [];
  return [
    documentEndpoint({
      id: 'well_known.security',
      method: 'GET',
      path: '/.well-known/security.txt',
      summary: 'Security contacts (RFC 9116), when `LATCHKEY_SECURITY_CONTACT` is set',
      rateLimit: 'none',
      problems: [],
      contentType: 'text/plain; charset=utf-8',
      openToCors: false,
      cacheSeconds: daySeconds,
      handler: () => ({ status: 200, body: securityTxt(flow) }),
    }),
  ];
}

function securityTxt({ clock, securityContacts, publicUrl }: WellKnown): string {
  const contacts = securityContacts.map((contact) => `Contact: ${contact}`);
  const now = clock.now();
  // By whole days: a content that changes with each request could not be validated by caches.
  const today = new Date(Math.floor(now.getTime() / (daySeconds * 1000)) * daySeconds * 1000);
  const expires = addSeconds(today, validSeconds)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  const lines = [...contacts, `Expires: ${expires}`, `Canonical: ${publicUrl}/.well-known/security.txt`];
  return `${lines.join('\n')}\n`;
}

function changePasswordEndpoints({ changePasswordUrl }: WellKnown): readonly Endpoint[] {
  if (changePasswordUrl === undefined) return [];
  const to = new URL(changePasswordUrl);
  return [
    pageEndpoint({
      id: 'well_known.change_password',
      method: 'GET',
      path: '/.well-known/change-password',
      summary:
        'Redirects password managers to the page for changing a password, when `LATCHKEY_CHANGE_PASSWORD_URL` is set',
      auth: { principals: ['public'] },
      rateLimit: 'none',
      problems: [],
      request: {},
      handler: async () => ({ kind: 'leave', to }),
    }),
  ];
}

/** Browsers ask the host of the RP ID; another host than the public one is served by the operator. */
function relatedOriginEndpoints({ passkeys: { rpId, origins, accepted }, publicUrl }: WellKnown): readonly Endpoint[] {
  if (rpId === undefined || rpId !== new URL(publicUrl).hostname || accepted === 'off') return [];
  const related = relatedOrigins(rpId, origins);
  if (related.length === 0) return [];
  return [
    documentEndpoint({
      id: 'well_known.webauthn',
      method: 'GET',
      path: '/.well-known/webauthn',
      summary:
        'Other origins that may use the passkeys, when `LATCHKEY_PASSKEY_ORIGINS` lists one that the RP ID does not cover',
      rateLimit: 'none',
      problems: [],
      contentType: 'application/json',
      openToCors: false,
      cacheSeconds: 3600,
      handler: () => ({ status: 200, body: JSON.stringify({ origins: related }) }),
    }),
  ];
}
