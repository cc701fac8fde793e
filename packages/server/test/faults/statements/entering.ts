/** Coming to have an account. */
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { present } from '#kernel/assert.ts';
import type { Application } from '../../support/application.ts';
import { operator } from '../../support/operator.ts';
import { register, uniqueEmail, validPassword, verifyEmail } from '../../support/user-actions.ts';
import {
  ask,
  type Begun,
  canLogIn,
  canVerify,
  linkOf,
  newcomer,
  newPassword,
  regular,
  type Scenario,
  submit,
  toldBy,
} from './scenario.ts';

async function pressing(app: Application, press: (token: string) => Promise<string>): Promise<Begun> {
  const person = await newcomer(app);
  const token = await linkOf(person, 'verify_email');
  return { ask: () => press(token), isSettled: () => canLogIn(app, person.email) };
}

async function accepting(app: Application, accept: (token: string) => Promise<string>): Promise<Begun> {
  const { tokens, keys } = app.services;
  const address = uniqueEmail('invited');
  const email = { asTyped: address, canonical: address };
  const invited = await createInvitation(app.services, operator, { email, locale: 'en', role: null });
  const id = present(invited.kind === 'created' ? invited.invitationId : undefined, 'the invitation');
  const token = tokens.secret(id, 'invitation', keys.currentKeyId('link'));
  return { ask: () => accept(token), isSettled: () => canLogIn(app, address) };
}

export const entering: readonly Scenario[] = [
  {
    name: 'register.person',
    audit: ['user.registered'],
    mail: ['verify_email'],
    begin: async (app) => {
      const email = uniqueEmail();
      return { ask: async () => toldBy(await register(app, email)), isSettled: () => canVerify(app, email) };
    },
  },
  {
    name: 'register.person, once more',
    audit: ['user.registration_repeated'],
    mail: ['verify_email'],
    begin: async (app) => {
      const { email } = await newcomer(app);
      return { ask: async () => toldBy(await register(app, email)), isSettled: () => canVerify(app, email) };
    },
  },
  {
    name: 'register.person, with an address that is taken',
    audit: ['user.registration_refused'],
    mail: ['already_registered'],
    begin: async (app) => {
      const { email } = await regular(app);
      const more = { password: newPassword };
      return { ask: async () => toldBy(await register(app, email, more)), isSettled: () => canLogIn(app, email) };
    },
  },
  {
    name: 'verify_email.press',
    audit: ['email.verified'],
    again: 'invalid_token',
    begin: (app) => pressing(app, async (token) => toldBy(await verifyEmail(app, token))),
  },
  {
    name: 'verify_email.press_by_get',
    audit: ['email.verified'],
    again: 'invalid_token',
    begin: (app) => pressing(app, (token) => ask(app, 'GET', `/auth/verify-email?token=${token}`)),
  },
  {
    name: 'verify_email.submit',
    audit: ['email.verified'],
    again: 'page 400',
    begin: (app) => pressing(app, (token) => submit(app, '/verify-email', { token, choice: 'verify' })),
  },
  {
    name: 'verify_email.submit, "this was not me"',
    audit: ['user.registration_disowned'],
    again: 'page 400',
    begin: async (app) => {
      const person = await newcomer(app);
      const token = await linkOf(person, 'verify_email');
      return {
        ask: () => submit(app, '/verify-email', { token, choice: 'disown' }),
        isSettled: async () => {
          const isDead = (await verifyEmail(app, token)).status === 400;
          await register(app, person.email);
          return isDead && canVerify(app, person.email);
        },
      };
    },
  },
  {
    name: 'verify_email.resend',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    begin: async (app) => {
      const { email } = await newcomer(app);
      const json = { email };
      const resend = () => ask(app, 'POST', '/auth/resend-verification', { json });
      return { ask: resend, isSettled: () => canVerify(app, email) };
    },
  },
  {
    name: 'invitation.accept',
    audit: ['invitation.accepted'],
    again: 'invalid_token',
    begin: (app) =>
      accepting(app, (token) => {
        const json = { token, name: 'Invited', password: validPassword };
        return ask(app, 'POST', '/auth/accept-invitation', { json });
      }),
  },
  {
    name: 'invitation.submit',
    audit: ['invitation.accepted'],
    again: 'page 400',
    begin: (app) =>
      accepting(app, (token) => submit(app, '/accept-invitation', { token, name: 'Invited', password: validPassword })),
  },
];
