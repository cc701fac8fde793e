/** The list of endpoints. An endpoint that is not in it cannot be reached. */

import type { Config } from '#config/index.ts';
import { acceptInvitationEndpoints } from '#flows/accept-invitation/index.ts';
import { apiReferenceEndpoints } from '#flows/api-reference/index.ts';
import { assetEndpoints } from '#flows/assets/index.ts';
import { cancelDeletionEndpoints } from '#flows/cancel-deletion/index.ts';
import { changeEmailEndpoints } from '#flows/change-email/index.ts';
import { changePasswordEndpoints } from '#flows/change-password/index.ts';
import { debugEndpoints } from '#flows/debug/index.ts';
import { deleteAccountEndpoints } from '#flows/delete-account/index.ts';
import { devClockEndpoints } from '#flows/dev-clock/index.ts';
import { devInboxEndpoints } from '#flows/dev-inbox/index.ts';
import { devMailsEndpoints } from '#flows/dev-mails/index.ts';
import { homeEndpoints } from '#flows/home/index.ts';
import { loginEndpoints, signInPage } from '#flows/login/index.ts';
import { loginByMailEndpoints, mailedWays } from '#flows/login-by-mail/index.ts';
import { loginByPasskeyEndpoints } from '#flows/login-by-passkey/index.ts';
import { loginStepEndpoints } from '#flows/login-steps/index.ts';
import { loginWithProviderEndpoints } from '#flows/login-with-provider/index.ts';
import { logoutEndpoints } from '#flows/logout/index.ts';
import { manageFactorsEndpoints } from '#flows/manage-factors/index.ts';
import { manageIdentitiesEndpoints } from '#flows/manage-identities/index.ts';
import { managePasskeysEndpoints } from '#flows/manage-passkeys/index.ts';
import { manageSessionsEndpoints } from '#flows/manage-sessions/index.ts';
import { passwordPolicyEndpoints } from '#flows/password-policy/index.ts';
import { operatorEndpoints, probeEndpoints, type Readiness } from '#flows/probes/index.ts';
import { profileEndpoints } from '#flows/profile/index.ts';
import { publishKeysEndpoints } from '#flows/publish-keys/index.ts';
import { recoverAccountEndpoints } from '#flows/recover-account/index.ts';
import { refreshEndpoints } from '#flows/refresh/index.ts';
import { registerEndpoints } from '#flows/register/index.ts';
import { resendVerificationEndpoints } from '#flows/resend-verification/index.ts';
import { secondFactorEndpoints } from '#flows/second-factor/index.ts';
import { sessionEndpoints } from '#flows/session/index.ts';
import { setUpOwnerEndpoints } from '#flows/set-up-owner/index.ts';
import { showAccountEndpoints } from '#flows/show-account/index.ts';
import { showProvidersEndpoints } from '#flows/show-providers/index.ts';
import { stepUpEndpoints } from '#flows/step-up/index.ts';
import { verifyEmailEndpoints } from '#flows/verify-email/index.ts';
import { wellKnownEndpoints } from '#flows/well-known/index.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { Inbox } from '#platform/mail/index.ts';
import { mailThemeOf } from './mail-theme.ts';
import { operatorUrl } from './operator-url.ts';
import type { Services } from './wiring.ts';

/** Dependencies of endpoints that are not services. */
export interface EndpointDeps {
  /** One for both listeners, which share its results. */
  readonly readiness: Readiness;
  /** Undefined when mail is delivered by SMTP. */
  readonly inbox: Inbox | undefined;
  /** Runs `work` while no job of this process runs, and wakes its workers afterwards. */
  readonly betweenJobs: (work: () => void) => Promise<void>;
}

/** The endpoints of the public listener. */
export function publicEndpoints(
  services: Services,
  { readiness }: Pick<EndpointDeps, 'readiness'>,
): readonly Endpoint[] {
  const { config, metrics } = services;
  const { registration: mode, emailDomains } = config;
  const onRegistered = (outcome: 'created' | 'repeated' | 'taken') => {
    if (outcome === 'created') metrics.count('user_registrations_total', {});
  };
  const publicUrl = new URL(config.http.publicUrl);
  const development = developmentOf(config);
  const byMail = { ...services, loginByMail: config.loginByMail, inboxUrl: development?.inboxUrl };
  const signIn = { ...services, mailedWays: mailedWays(byMail), isRegistrationOpen: mode === 'open' };
  const own = [
    ...registerEndpoints({ ...services, mode, emailDomains, onRegistered }),
    ...acceptInvitationEndpoints({
      ...services,
      mode,
      onAccepted: () => metrics.count('user_registrations_total', {}),
    }),
    ...verifyEmailEndpoints({ ...services, development }),
    ...resendVerificationEndpoints(services),
    ...loginEndpoints(signIn),
    ...secondFactorEndpoints(services),
    ...setUpOwnerEndpoints(services),
    ...loginStepEndpoints({ ...services, service: config.brand.name }),
    ...loginByMailEndpoints(byMail),
    ...loginByPasskeyEndpoints({ ...services, signInPage: (words, refused) => signInPage(signIn, words, refused) }),
    ...loginWithProviderEndpoints({
      ...services,
      mode,
      emailDomains,
      onRegistered,
      publicUrl: config.http.publicUrl,
    }),
    ...recoverAccountEndpoints(services),
    ...passwordPolicyEndpoints(services),
    ...showProvidersEndpoints(services),
    ...changePasswordEndpoints(services),
    ...refreshEndpoints(services),
    ...logoutEndpoints(services),
    ...sessionEndpoints(services),
    ...profileEndpoints(services),
    ...changeEmailEndpoints({ ...services, emailDomains, confirmAt: config.emailChange.confirm }),
    ...showAccountEndpoints(services),
    ...stepUpEndpoints(services),
    ...manageFactorsEndpoints({ ...services, service: config.brand.name }),
    ...managePasskeysEndpoints(services),
    ...manageIdentitiesEndpoints({ ...services, loginByMail: config.loginByMail }),
    ...manageSessionsEndpoints(services),
    ...deleteAccountEndpoints({ ...services, ...config.deletion }),
    ...cancelDeletionEndpoints(services),
    ...publishKeysEndpoints(services.signingKeys),
    ...wellKnownEndpoints({ ...services, ...config.wellKnown, publicUrl: config.http.publicUrl }),
    ...assetEndpoints(services.assets),
    ...homeEndpoints({ ...services, publicUrl: config.http.publicUrl, development }),
    ...probeEndpoints(readiness),
  ];
  const { cookieDomain } = config.http;
  return [
    ...own,
    ...apiReferenceEndpoints(own, {
      publicUrl,
      cookieDomain,
      version: services.version,
      catalogues: services.catalogues,
    }),
  ];
}

function developmentOf(config: Config): { readonly inboxUrl: string | undefined } | undefined {
  if (config.mode === 'production') return undefined;
  const hasInbox = config.mail.smtp === undefined;
  return { inboxUrl: hasInbox ? `${operatorUrl(config)}/dev/inbox` : undefined };
}

/** The endpoints of the operator's listener, `/dev/*` among them: no proxy of the public listener can expose those. */
export function opsEndpoints(services: Services, deps: EndpointDeps): readonly Endpoint[] {
  return [
    ...operatorEndpoints(deps.readiness, services.metrics),
    ...debugEndpoints(),
    // The pages below `/dev` load them from their own listener.
    ...(services.config.mode === 'production' ? [] : assetEndpoints(services.assets)),
    ...developmentEndpoints(services, deps),
  ];
}

/** `/dev/*`; empty in production. */
export function developmentEndpoints(services: Services, { inbox, betweenJobs }: EndpointDeps): readonly Endpoint[] {
  const { movableClock: clock } = services;
  return [
    ...(inbox === undefined ? [] : devInboxEndpoints(inbox, services.catalogues)),
    ...(services.config.mode === 'production'
      ? []
      : devMailsEndpoints({ ...services, theme: mailThemeOf(services.config.brand.theme) })),
    ...(clock === undefined ? [] : devClockEndpoints({ ...services, clock, betweenJobs })),
  ];
}
