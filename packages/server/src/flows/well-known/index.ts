/**
 * What others look for at known addresses. Owns `/.well-known/security.txt` (RFC 9116) and
 * `/.well-known/change-password` (W3C, A Well-Known URL for Changing Passwords), each where the operator configured what
 * it says; without that there is nothing there, which is how their readers are told so.
 */
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { documentEndpoint, type Endpoint, pageEndpoint } from '#platform/http/index.ts';

/** What these addresses say. */
export interface WellKnown {
  readonly clock: Clock;
  /** Whom to tell of a weakness, the best way first: `mailto:`, `https:` or `tel:`. */
  readonly securityContacts: readonly string[];
  /** Where people change their password. */
  readonly changePasswordUrl: string | undefined;
  readonly publicUrl: string;
}

const daySeconds = 24 * 3600;

/** RFC 9116 §2.5.5 recommends less than a year. It moves with the clock: what is served is meant now. */
const validSeconds = 180 * daySeconds;

/** The endpoints of this flow. */
export function wellKnownEndpoints(flow: WellKnown): readonly Endpoint[] {
  return [...securityEndpoints(flow), ...changePasswordEndpoints(flow)];
}

function securityEndpoints(flow: WellKnown): readonly Endpoint[] {
  if (flow.securityContacts.length === 0) return [];
  return [
    documentEndpoint({
      id: 'well_known.security',
      method: 'GET',
      path: '/.well-known/security.txt',
      summary: 'Whom to tell of a weakness (RFC 9116), when `LATCHKEY_SECURITY_CONTACT` says so',
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
  const expires = addSeconds(clock.now(), validSeconds)
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
        'Leads password managers to where people change their password, when `LATCHKEY_CHANGE_PASSWORD_URL` says so',
      auth: { principals: ['public'] },
      rateLimit: 'none',
      problems: [],
      request: {},
      handler: async () => ({ kind: 'leave', to }),
    }),
  ];
}
