/** How to reach every page, for the checks that look at all of them: a page that is not reached fails them. */

import { statement } from '../../packages/server/src/platform/database/index.ts';
import type { Endpoint } from '../../packages/server/src/platform/http/index.ts';
import type { Application } from '../../packages/server/test/support/application.ts';
import { PageBrowser, signIn } from '../../packages/server/test/support/page-browser.ts';
import { addPasskey } from '../../packages/server/test/support/passkeys.ts';
import { newPerson, signInWith } from '../../packages/server/test/support/provider-logins.ts';
import { linkNewIdentity, sharedProvider } from '../../packages/server/test/support/shared-provider.ts';
import { addVerifiedUser, sameOrigin, validPassword } from '../../packages/server/test/support/user-actions.ts';
import { userIdOf } from '../../packages/server/test/support/user-status.ts';
import {
  atEnrollment,
  atStep,
  type Reach,
  signedIn,
  type Visit,
  withApp,
  withOldPassword,
  withPendingDeletion,
  withRole,
  withTotp,
} from './page-reach.ts';
import { atCheckMail, rareStates, usualStates } from './page-states.ts';

export type { Visit } from './page-reach.ts';

/** The pages of steps by the id of their endpoint: each needs a login of its own. */
const steps: Readonly<Record<string, Reach>> = {
  'login.show_second_factor': atStep('/login/second-factor', withTotp),
  'login.show_passkey_factor': atStep('/login/second-factor/passkey', withTotp),
  'login.show_recovery_code': atStep('/login/recovery-code', withTotp),
  'login.show_confirm_mailbox': atStep('/login/confirm-mailbox', withRole),
  'login.show_mailbox_code': atStep('/login/confirm-mailbox/code', withRole),
  'login.show_enroll': async (app) => ({ path: '/login/enroll', cookie: (await atEnrollment(app)).cookie }),
  'login.show_enroll_passkey': async (app) => ({
    path: '/login/enroll/passkey',
    cookie: (await atEnrollment(app)).cookie,
  }),
  'login.show_change_password': atStep('/login/change-password', withOldPassword),
  'sign_up.show_check_mail': async (app) => ({ path: '/check-mail', cookie: (await atCheckMail(app)).cookie }),
  'login.show_cancel_deletion': atStep('/login/cancel-deletion', withPendingDeletion),
};

const suspend = statement('page_visits.suspend_passkey', {
  lane: 'pool',
  sql: 'update passkeys set suspended_at = :now where id = :passkeyId',
  params: { passkeyId: 'uuid', now: 'timestamptz' },
  columns: {},
});

/** A page about one passkey of a signed-in user. */
function withPasskey(
  path: string,
  prepare: (app: Application, passkeyId: string) => Promise<void> = async () => undefined,
): Reach {
  return async (app) => {
    const browser = await signedIn(app);
    const { data, response } = await addPasskey(app, { cookie: browser.cookie, headers: sameOrigin });
    for (const [name, value] of pairsOf(response.cookies)) browser.set(name, value);
    await prepare(app, data.passkey.id);
    return { path: `${path}?id=${data.passkey.id}`, cookie: browser.cookie };
  };
}

/** Pages that lead elsewhere without the state that is reached here. */
const reached: Readonly<Record<string, Reach>> = {
  'totp.show_remove': async (app) => ({ path: '/account/security/remove-app', cookie: (await withApp(app)).cookie }),
  'passkeys.show_remove': withPasskey('/account/security/remove-passkey'),
  'passkeys.show_rename': withPasskey('/account/security/rename-passkey'),
  'passkeys.show_resume': withPasskey('/account/security/resume-passkey', async (app, passkeyId) => {
    await app.services.database.run(suspend, { passkeyId, now: app.clock.now() });
  }),
  'sessions.show_end': async (app) => {
    const email = await addVerifiedUser(app);
    const [here, there] = [new PageBrowser(app), new PageBrowser(app)];
    for (const browser of [here, there]) await browser.follow(await signIn(browser, email, validPassword));
    const { cookie } = here;
    const { text } = await app.send('GET', '/api/v1/users/me/sessions', { cookie });
    const { data } = JSON.parse(text) as {
      readonly data: readonly { readonly id: string; readonly current: boolean }[];
    };
    const other = data.find(({ current }) => !current);
    return { path: `/account/sessions/end?id=${other?.id}`, cookie };
  },
  'devices.show_forget': async (app) => {
    const { cookie } = await signedIn(app);
    const { text } = await app.send('GET', '/api/v1/users/me/devices', { cookie });
    const { data } = JSON.parse(text) as { readonly data: { readonly devices: readonly { readonly id: string }[] } };
    return { path: `/account/sessions/forget-device?id=${data.devices[0]?.id}`, cookie };
  },
  'login.choose': async (app) => ({ path: '/login/choose', cookie: (await signedIn(app)).cookie }),
  'logout.show': async (app) => ({ path: '/logout', cookie: (await signedIn(app)).cookie }),
  'recovery_codes.show': async (app) => ({
    path: '/account/security/recovery-codes',
    cookie: (await withApp(app)).cookie,
  }),
};

/** Pages of an identity provider. */
const ofProviders: Readonly<Record<string, Reach>> = {
  'login.provider_callback': async () => ({ path: '/login/with/none/callback?state=x', cookie: '' }),
  'login.show_provider_email': async (app) => {
    const provider = await sharedProvider(app);
    const browser = new PageBrowser(app);
    await signInWith(browser, provider, { sub: newPerson().sub });
    return { path: `/login/with/${provider.id}/email`, cookie: browser.cookie };
  },
  'identities.show_link': async (app) => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    await signInWith(browser, await sharedProvider(app), newPerson({ email }));
    await browser.follow(await signIn(browser, email, validPassword));
    return { path: '/login/link', cookie: browser.cookie };
  },
  'identities.show_disconnect': async (app) => {
    const email = await addVerifiedUser(app);
    const { identityId } = await linkNewIdentity(app, await userIdOf(app, email));
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    return { path: `/account/connections/disconnect?id=${identityId}`, cookie: browser.cookie };
  },
};

/** Names and values of cookies that a response sets. */
function pairsOf(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const [pair = ''] = line.split(';');
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}

/** Endpoints without a page of their own: they lead elsewhere whatever the state. */
const leadElsewhere: ReadonlySet<string> = new Set([
  'well_known.change_password',
  'login.show_passkey',
  'login.show_provider',
  'identities.show_connect',
]);

/** Every page of these endpoints, each in the state in which it shows itself, and further states; rare ones when wanted. */
export async function reachPages(app: Application, hasRare = false): Promise<Visit[]> {
  const shown = app.endpoints.filter(
    ({ id, kind, method, loopbackOnly }) =>
      kind === 'page' && method === 'GET' && loopbackOnly !== true && !leadElsewhere.has(id),
  );
  // Older than a step-up allows, so that its page has a question. Tickets are made afterwards: they last ten minutes.
  const { cookie: old } = await signedIn(app);
  app.clock.advance(6 * 60 * 1000);
  const { cookie: session } = await signedIn(app);
  const visits: Visit[] = [];
  for (const endpoint of shown) {
    const cookie = endpoint.id === 'step_up.show' ? old : session;
    visits.push({ name: endpoint.id, ...(await reach(app, endpoint, cookie)) });
  }
  const states = { ...usualStates, ...(hasRare && rareStates) };
  for (const [name, go] of Object.entries(states)) visits.push({ name, ...(await go(app)) });
  return visits;
}

async function reach(app: Application, endpoint: Endpoint, session: string): Promise<Omit<Visit, 'name'>> {
  const own = steps[endpoint.id] ?? reached[endpoint.id] ?? ofProviders[endpoint.id];
  if (own !== undefined) return own(app);
  const needsSession = !endpoint.auth.principals.includes('public');
  return { path: endpoint.path, cookie: needsSession ? session : '' };
}
