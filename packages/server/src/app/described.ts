/** The list of endpoints without services, for the reference pages, which are generated without a database. */
import { Readiness } from '#flows/probes/index.ts';
import { MovableClock, systemClock } from '#kernel/clock.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { Inbox } from '#platform/mail/index.ts';
import { defaultTheme } from '#protocol/theme/index.ts';
import { developmentEndpoints, publicEndpoints } from './endpoints.ts';
import { version } from './version.ts';
import type { Services } from './wiring.ts';

/** The public URL in the reference pages. */
export const describedUrl = 'https://auth.example.com';

/** All endpoints of a development server's public listener, and `/dev/*` of its operator's listener. Their handlers must not be called. */
export function describedEndpoints(): readonly Endpoint[] {
  const config = {
    brand: { name: 'Example', theme: defaultTheme },
    registration: 'open',
    emailDomains: { allow: [], deny: [] },
    emailChange: { confirm: 'new' },
    wellKnown: { securityContacts: ['mailto:security@example.com'], changePasswordUrl: 'https://example.com/password' },
    http: { publicUrl: describedUrl },
    mail: {},
    ops: { host: '127.0.0.1', port: 5626 },
  };
  const passkeys = {
    accepted: 'any',
    rpId: new URL(describedUrl).hostname,
    origins: [describedUrl, 'https://app.example.com'],
    name: 'Example',
  };
  const services = { config, assets: [], passkeys, version, movableClock: new MovableClock() } as unknown as Services;
  const deps = {
    readiness: new Readiness({ checks: [], clock: systemClock }),
    inbox: new Inbox(),
    betweenJobs: () => Promise.resolve(),
  };
  return [...publicEndpoints(services, deps), ...developmentEndpoints(services, deps)];
}
