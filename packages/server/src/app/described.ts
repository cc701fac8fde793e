/** The list of endpoints without anything behind it, for the reference pages, which are made without a database. */
import { MovableClock } from '#kernel/clock.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { Inbox } from '#platform/mail/index.ts';
import { publicEndpoints } from './endpoints.ts';
import { version } from './version.ts';
import type { Services } from './wiring.ts';

/** Where the reference says that the API is. */
export const describedUrl = 'https://auth.example.com';

/** Everything that a development server offers on its public listener. Its handlers must not be called. */
export function describedEndpoints(): readonly Endpoint[] {
  const config = {
    registration: 'open',
    emailDomains: { allow: [], deny: [] },
    emailChange: { confirm: 'new' },
    wellKnown: { securityContacts: ['mailto:security@example.com'], changePasswordUrl: 'https://example.com/password' },
    http: { publicUrl: describedUrl },
  };
  const services = { config, version, movableClock: new MovableClock() };
  const surroundings = {
    checks: [],
    inbox: new Inbox(),
    betweenJobs: () => Promise.resolve(),
  };
  return publicEndpoints(services as unknown as Services, surroundings);
}
