/**
 * Signing in with an identity provider. Owns the pages `/login/with/{provider}`, its callback and its email form,
 * `/login/link` and `/account/connections/connect`, `/api/v1/auth/login/id-token`, and the mail `identity_linked`; no tables.
 *
 * Order of a callback: take the login, exchange the code at the provider, find the identity, then the gate or a registration.
 *
 * Invariants:
 * - A login at a provider begins with our own form, never with a link (invariant 25), and ends in the same browser.
 * - An unknown identity is linked by a session that requested it, or belongs to a new account. An email never links it
 *   to a user who has that email (invariant 6).
 * - A response that the provider does not prove is the same for a free and for a taken email (invariant 13).
 * - No transaction is open while a request to a provider is.
 *
 * Must not decide what a known identity leads to: the gate (`domain/authentication`) does.
 */
import type { Endpoint } from '#platform/http/index.ts';
import { connectEndpoint } from './connect.ts';
import { emailPage } from './email-page.ts';
import { linkPages } from './link-pages.ts';
import { nativeEndpoints } from './native-endpoints.ts';
import { type ProviderPages, providerPages } from './pages.ts';

export type { ProviderPages } from './pages.ts';

export function loginWithProviderEndpoints(flow: ProviderPages): readonly Endpoint[] {
  return [
    ...providerPages(flow),
    ...emailPage(flow),
    ...linkPages(flow),
    ...connectEndpoint(flow),
    ...nativeEndpoints(flow),
  ];
}
