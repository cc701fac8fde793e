/** Pages beside those that the address of an endpoint shows: answers to forms, links that work, steps in between. */
import { defaultClientId } from '../../packages/server/src/domain/clients/index.ts';
import { changeOrigins } from '../../packages/server/src/flows/admin-clients/index.ts';
import type { Application } from '../../packages/server/test/support/application.ts';
import { addActiveUser, changeEmail } from '../../packages/server/test/support/daily-traffic.ts';
import { invite } from '../../packages/server/test/support/invitations.ts';
import { addSetupLink } from '../../packages/server/test/support/login-steps.ts';
import { operator } from '../../packages/server/test/support/operator.ts';
import { PageBrowser, signIn } from '../../packages/server/test/support/page-browser.ts';
import { addPasskey } from '../../packages/server/test/support/passkeys.ts';
import { codeNow } from '../../packages/server/test/support/second-factors.ts';
import { storedLinkToken } from '../../packages/server/test/support/stored-links.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailedToken,
  newestMailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from '../../packages/server/test/support/user-actions.ts';
import {
  answer,
  atEnrollment,
  link,
  type Reach,
  signedIn,
  withApp,
  withPendingDeletion,
  withTotp,
} from './page-reach.ts';

const stranger = async (app: Application) => new PageBrowser(app);

/** An application that people are led back to. */
const application = 'https://notes.acme.example/welcome';
const fromApplication = `?continue=${encodeURIComponent(application)}`;

async function listApplication(app: Application): Promise<void> {
  await changeOrigins(app.services, operator, defaultClientId, [new URL(application).origin]);
}

/** A sign-up that waits for its mail. */
export async function atCheckMail(app: Application): Promise<PageBrowser> {
  const browser = new PageBrowser(app);
  await browser.open('/register');
  const typed = { name: 'Ada Lovelace', email: uniqueEmail(), password: validPassword };
  await browser.follow(await browser.submit('/register', typed));
  return browser;
}

/** A key that the person is about to enter a code of. */
async function withNewKey(app: Application): Promise<PageBrowser> {
  const browser = await signedIn(app);
  await browser.open('/account/security/app');
  await browser.submit('/account/security/app');
  return browser;
}

/** A browser that requested a sign-in link, and the address of the link. */
async function withMagicLink(app: Application): Promise<{ readonly cookie: string; readonly path: string }> {
  const [browser, email] = [new PageBrowser(app), await addVerifiedUser(app)];
  await browser.open('/login');
  await browser.submit('/login', { email, password: '', act: 'magic_link' });
  const token = await newestMailedToken(app, email, '/login/magic-link');
  return { cookie: browser.cookie, path: `/login/magic-link?token=${encodeURIComponent(token)}` };
}

async function resetToken(app: Application): Promise<string> {
  const email = await addVerifiedUser(app);
  await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
  return mailedToken(app, email, 2);
}

/** The form behind a mailed link, sent with these fields. */
const linkAnswer =
  (path: string, tokenOf: (app: Application) => Promise<string>, fields: Readonly<Record<string, string>>): Reach =>
  async (app) => {
    const browser = new PageBrowser(app);
    await browser.open(`${path}?token=${encodeURIComponent(await tokenOf(app))}`);
    const { text } = await browser.submit(path, fields);
    return { path, cookie: browser.cookie, text };
  };

/** By the id of the endpoint, and the state. */
export const usualStates: Readonly<Record<string, Reach>> = {
  'login.show, wrong': answer(stranger, '/login', { email: 'ada@people.example', password: 'x' }),
  'login.submit, on to an application': async (app) => {
    await listApplication(app);
    const { text } = await signIn(new PageBrowser(app), await addVerifiedUser(app), validPassword, fromApplication);
    return { path: '/login', cookie: '', text };
  },
  'login.show_second_factor, wrong': async (app) => {
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, await withTotp(app), validPassword));
    const path = '/login/second-factor';
    const { text } = await browser.submit(path, { code: '000000' });
    return { path, cookie: browser.cookie, text };
  },
  'login.show_enroll, key': answer(atEnrollment, '/login/enroll', {}),
  'totp.show, key': answer(signedIn, '/account/security/app', {}),
  'totp.show, codes': async (app) => {
    const browser = await withNewKey(app);
    const [, key = ''] = /<output[^>]*>([^<]*)</.exec(browser.text) ?? [];
    const path = '/account/security/app';
    const { text } = await browser.submit(path, { act: 'confirm', code: codeNow(app, key) });
    return { path, cookie: browser.cookie, text };
  },
  'factors.show, with an app': async (app) => ({ path: '/account/security', cookie: (await withApp(app)).cookie }),
  'register.show, complaints': answer(stranger, '/register', { name: '', email: 'ada', password: 'short' }),
  'verify_email.show, with a link': link('/verify-email', async (app) => {
    const email = uniqueEmail();
    await register(app, email);
    return mailedToken(app, email);
  }),
  'password.reset_show, with a link': link('/reset-password', resetToken),
  'owner.show_set_up, with a link': link('/setup', async (app) => (await addSetupLink(app)).token),
  'invitation.show, with a link': link('/accept-invitation', (app) => invite(app, uniqueEmail())),
  'an unknown address': async () => ({ path: '/nowhere', cookie: '' }),
};

/** Their parts are those of other pages, so that the long proof looks at them, and pictures show them. */
export const rareStates: Readonly<Record<string, Reach>> = {
  'login.show, from an application': async (app) => {
    await listApplication(app);
    return { path: `/login${fromApplication}`, cookie: '' };
  },
  'login.show, an address of others': async () => ({ path: '/login?continue=https://evil.example/', cookie: '' }),
  'login.submit, link sent': answer(stranger, '/login', { email: 'ada@people.example', act: 'magic_link' }),
  'login.submit, code sent': answer(stranger, '/login', { email: 'ada@people.example', act: 'email_code' }),
  'login.choose, from an application': async (app) => {
    await listApplication(app);
    return { path: `/login/choose${fromApplication}`, cookie: (await signedIn(app)).cookie };
  },
  'login.magic_link_show, with a link': withMagicLink,
  'login.magic_link_show, other browser': async (app) => ({ path: (await withMagicLink(app)).path, cookie: '' }),
  'logout.signed_out, from an application': async (app) => {
    await listApplication(app);
    return { path: `/signed-out${fromApplication}`, cookie: '' };
  },
  'totp.show, wrong': answer(withNewKey, '/account/security/app', { act: 'confirm', code: '000000' }),
  'factors.show, with a passkey': async (app) => {
    const browser = await signedIn(app);
    await addPasskey(app, { cookie: browser.cookie, headers: sameOrigin });
    return { path: '/account/security?done=passkey_added', cookie: browser.cookie };
  },
  'sessions.show, several': async (app) => {
    const email = await addVerifiedUser(app);
    const agent =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1';
    await login(app, email, {}, { 'user-agent': agent });
    const browser = new PageBrowser(app, {
      'user-agent': 'Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0',
    });
    await browser.follow(await signIn(browser, email, validPassword));
    return { path: '/account/sessions', cookie: browser.cookie };
  },
  'change_email.show_request, asked': async (app) => {
    const browser = await signedIn(app);
    await browser.open('/account/profile/email');
    await browser.submit('/account/profile/email', { newEmail: uniqueEmail('new') });
    return { path: '/account/profile?done=email_requested', cookie: browser.cookie };
  },
  'account.show_delete, mistyped': answer(signedIn, '/account/data/delete', { typed: 'something else' }),
  'sign_up.show_check_mail, wrong': answer(atCheckMail, '/check-mail', { code: '000000' }),
  'password.forgot_show, sent': answer(stranger, '/forgot-password', { email: 'ada@people.example' }),
  'password.reset_show, complaint': linkAnswer('/reset-password', resetToken, { password: 'password1234' }),
  'password.reset_show, done': linkAnswer('/reset-password', resetToken, { password: 'a new one, not the old' }),
  'change_email.confirm_show, with a link': link('/confirm-email-change', async (app) => {
    const { accessToken: token, userId } = await addLoggedInUser(app);
    const json = { newEmail: uniqueEmail('new'), currentPassword: validPassword };
    await app.send('POST', '/api/v1/users/me/email', { token, json });
    return storedLinkToken(app, userId, 'confirm_email_change');
  }),
  'change_email.undo_show, with a link': link('/undo-email-change', async (app) => {
    const email = await addActiveUser(app);
    await changeEmail(app, email);
    return newestMailedToken(app, email, '/undo-email-change');
  }),
  'account.cancel_deletion_show, with a link': link('/cancel-deletion', async (app) =>
    newestMailedToken(app, await withPendingDeletion(app), '/cancel-deletion'),
  ),
};
