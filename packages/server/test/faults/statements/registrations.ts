/** Scenarios of registration, verification and invitations. */
import type { Application } from '../../support/application.ts';
import { signUp, verify } from '../../support/sign-ups.ts';
import { storedLinkToken, storedVerificationCode } from '../../support/stored-links.ts';
import { register, sameOrigin, uniqueEmail, validPassword, verifyEmail } from '../../support/user-actions.ts';
import { userIdOf } from '../../support/user-status.ts';
import {
  addScenarioUser,
  addUnverifiedUser,
  canLogIn,
  canVerify,
  invitationLink,
  linkToken,
  newPassword,
  type PageTicket,
  type Prepared,
  pageTicketOf,
  request,
  resultOf,
  type Scenario,
  submitForm,
} from './scenario.ts';

async function verification(app: Application, consume: (token: string) => Promise<string>): Promise<Prepared> {
  const user = await addUnverifiedUser(app);
  const token = await linkToken(user, 'verify_email');
  return { run: () => consume(token), isComplete: () => canLogIn(app, user.email) };
}

async function acceptance(app: Application, accept: (token: string) => Promise<string>): Promise<Prepared> {
  const address = uniqueEmail('invited');
  const token = await invitationLink(app, address);
  return { run: () => accept(token), isComplete: () => canLogIn(app, address) };
}

/** A browser that signed up and waits for its mail. */
async function signUpOnPage(app: Application): Promise<{ readonly email: string; readonly ticket: PageTicket }> {
  const email = uniqueEmail();
  const form = { email, name: 'Ada Lovelace', password: validPassword };
  return { email, ticket: await pageTicketOf(app, await app.send('POST', '/register', { form, headers: sameOrigin })) };
}

export const registrations: readonly Scenario[] = [
  {
    name: 'register.person',
    audit: ['user.registered'],
    mail: ['verify_email'],
    prepare: async (app) => {
      const email = uniqueEmail();
      return { run: async () => resultOf(await register(app, email)), isComplete: () => canVerify(app, email) };
    },
  },
  {
    name: 'register.person, repeated',
    audit: ['user.registration_repeated'],
    mail: ['verify_email'],
    prepare: async (app) => {
      const { email } = await addUnverifiedUser(app);
      return { run: async () => resultOf(await register(app, email)), isComplete: () => canVerify(app, email) };
    },
  },
  {
    name: 'register.person, with a verified address',
    audit: ['user.registration_refused'],
    mail: ['already_registered'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const more = { password: newPassword };
      return { run: async () => resultOf(await register(app, email, more)), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'register.submit',
    audit: ['user.registered'],
    mail: ['verify_email'],
    prepare: async (app) => {
      const email = uniqueEmail();
      const form = { email, name: 'Ada Lovelace', password: validPassword };
      return { run: () => submitForm(app, '/register', form), isComplete: () => canVerify(app, email) };
    },
  },
  {
    name: 'verify_email.press, with the ticket',
    commitsInParts: true,
    audit: ['email.verified', 'login.succeeded'],
    prepare: async (app) => {
      const { email, ticket } = await signUp(app);
      const token = await storedLinkToken(app, await userIdOf(app, email), 'verify_email');
      return {
        run: async () => resultOf(await verify(app, { token, ticket })),
        isComplete: () => canLogIn(app, email),
      };
    },
  },
  {
    name: 'verify_email.press, with the code',
    commitsInParts: true,
    retryResult: 'invalid_ticket',
    audit: ['email.verified', 'login.succeeded'],
    prepare: async (app) => {
      const { email, ticket } = await signUp(app);
      const code = await storedVerificationCode(app, await userIdOf(app, email));
      return {
        run: async () => resultOf(await verify(app, { code, ticket })),
        isComplete: () => canLogIn(app, email),
      };
    },
  },
  {
    name: 'verify_email.press',
    audit: ['email.verified'],
    retryResult: 'invalid_token',
    prepare: (app) => verification(app, async (token) => resultOf(await verifyEmail(app, token))),
  },
  {
    name: 'verify_email.press_by_get',
    audit: ['email.verified'],
    retryResult: 'invalid_token',
    prepare: (app) => verification(app, (token) => request(app, 'GET', `/auth/verify-email?token=${token}`)),
  },
  {
    name: 'verify_email.submit',
    audit: ['email.verified'],
    retryResult: 'page 400',
    prepare: (app) => verification(app, (token) => submitForm(app, '/verify-email', { token, choice: 'verify' })),
  },
  {
    name: 'verify_email.submit, with the ticket',
    commitsInParts: true,
    audit: ['email.verified', 'login.succeeded'],
    prepare: async (app) => {
      const { email, ticket } = await signUpOnPage(app);
      const token = await storedLinkToken(app, await userIdOf(app, email), 'verify_email');
      return {
        run: () => submitForm(app, '/verify-email', { token, choice: 'verify' }, ticket.cookie),
        isComplete: () => canLogIn(app, email),
      };
    },
  },
  {
    name: 'verify_email.submit, disowned',
    audit: ['user.registration_disowned'],
    retryResult: 'page 400',
    prepare: async (app) => {
      const user = await addUnverifiedUser(app);
      const token = await linkToken(user, 'verify_email');
      return {
        run: () => submitForm(app, '/verify-email', { token, choice: 'disown' }),
        isComplete: async () => {
          const isRevoked = (await verifyEmail(app, token)).status === 400;
          await register(app, user.email);
          return isRevoked && canVerify(app, user.email);
        },
      };
    },
  },
  {
    name: 'verify_email.resend',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: async (app) => {
      const { email } = await addUnverifiedUser(app);
      const json = { email };
      const resend = () => request(app, 'POST', '/auth/resend-verification', { json });
      return { run: resend, isComplete: () => canVerify(app, email) };
    },
  },
  {
    name: 'verify_email.resend_submit',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: async (app) => {
      const { email } = await addUnverifiedUser(app);
      const resend = () => submitForm(app, '/resend-verification', { email });
      return { run: resend, isComplete: () => canVerify(app, email) };
    },
  },
  {
    name: 'sign_up.submit_check_mail',
    commitsInParts: true,
    audit: ['email.verified', 'login.succeeded'],
    prepare: async (app) => {
      const { email, ticket } = await signUpOnPage(app);
      const code = await storedVerificationCode(app, await userIdOf(app, email));
      return {
        run: () => submitForm(app, '/check-mail', { ...ticket.fields, code }, ticket.cookie),
        isComplete: () => canLogIn(app, email),
      };
    },
  },
  {
    name: 'invitation.accept',
    audit: ['invitation.accepted'],
    retryResult: 'invalid_token',
    prepare: (app) =>
      acceptance(app, (token) => {
        const json = { token, name: 'Invited', password: validPassword };
        return request(app, 'POST', '/auth/accept-invitation', { json });
      }),
  },
  {
    name: 'invitation.submit',
    audit: ['invitation.accepted'],
    retryResult: 'page 400',
    prepare: (app) =>
      acceptance(app, (token) =>
        submitForm(app, '/accept-invitation', { token, name: 'Invited', password: validPassword }),
      ),
  },
];
