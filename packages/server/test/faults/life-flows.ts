/** The changing flows of an account's life: what each is asked with, what it leaves behind, and how it must end. */
import type { Answer, Client, Tokens } from '../../../../e2e/support/client.ts';
import { dataOf } from '../../../../e2e/support/client.ts';
import { awaitLink, tokenOf } from '../../../../e2e/support/inbox.ts';
import type { SmtpSink } from '../../../../e2e/support/smtp-sink.ts';

/** Where everybody is prepared: the server that runs now, its mail, and its command line. */
export type Ground = {
  readonly node: Client;
  readonly sink: SmtpSink;
  /** Invites an address. */
  readonly invite: (email: string) => Promise<void>;
};

/** A mail that the effect promises. */
export type QueuedMail = { readonly to: string; readonly template: string; readonly says: RegExp };

/** Somebody who is about to ask. The server that answers them later is another process than the one that knows them. */
export type Prepared = {
  /** The address by which the database knows them, before and after. */
  readonly addresses: readonly string[];
  readonly mails: readonly QueuedMail[];
  readonly ask: (node: Client) => Promise<Answer<unknown>>;
  /** Whether everything is as it must be once the effect is there. */
  readonly isSettled: (node: Client) => Promise<boolean>;
};

/** One flow. */
export type LifeFlow = {
  readonly name: string;
  readonly action: string;
  /** The kind of the job that does it, where it is answered before. */
  readonly job?: string;
  readonly prepare: (ground: Ground, email: string) => Promise<Prepared>;
};

const first = 'the first password of all';
const second = 'the second password of all';

/** Somebody with a proven address and a session. */
async function live({ node, sink }: Ground, email: string): Promise<Tokens> {
  dataOf(await node.register({ email, password: first }));
  dataOf(await node.verify(await linkIn(sink, email, '/verify-email')));
  return dataOf(await node.login(email, first));
}

async function linkIn(sink: SmtpSink, email: string, path: string): Promise<string> {
  return tokenOf(await awaitLink(async () => sink.acceptedFor(email), path));
}

async function opens(node: Client, email: string, password = first): Promise<boolean> {
  const answer = await node.login(email, password);
  return answer.ok && answer.data.accessToken !== undefined;
}

async function isDead(node: Client, { accessToken, refreshToken }: Tokens): Promise<boolean> {
  return !(await node.session(accessToken)).ok && !(await node.refresh(refreshToken)).ok;
}

/** The new password opens the account, the old one does not, and the session of before is over. */
async function isRenewed(node: Client, email: string, before: Tokens): Promise<boolean> {
  const isOpen = await opens(node, email, second);
  return isOpen && !(await opens(node, email)) && (await isDead(node, before));
}

function askForAddress(node: Client, { accessToken: token }: Tokens, newEmail: string): Promise<Answer<unknown>> {
  return node.api('POST', '/users/me/email', { token, body: { newEmail, currentPassword: first } });
}

function confirm(node: Client, token: string): Promise<Answer<unknown>> {
  return node.api('POST', '/auth/confirm-email-change', { body: { token } });
}

function close(node: Client, { accessToken: token }: Tokens): Promise<Answer<unknown>> {
  return node.api('DELETE', '/users/me', { token, body: { currentPassword: first } });
}

const passwords: readonly LifeFlow[] = [
  {
    name: 'ask for a reset link',
    action: 'password.reset_requested',
    job: 'mail_requests.enqueue',
    prepare: async (ground, email) => {
      await live(ground, email);
      return {
        addresses: [email],
        mails: [{ to: email, template: 'reset_password', says: /\/reset-password\?/ }],
        ask: (node) => node.forgotPassword(email),
        isSettled: (node) => opens(node, email),
      };
    },
  },
  {
    name: 'reset the password',
    action: 'password.reset',
    prepare: async (ground, email) => {
      const before = await live(ground, email);
      dataOf(await ground.node.forgotPassword(email));
      const token = await linkIn(ground.sink, email, '/reset-password');
      return {
        addresses: [email],
        mails: [{ to: email, template: 'password_reset_done', says: /a new password was set for your account/ }],
        ask: (node) => node.resetPassword(token, second),
        isSettled: (node) => isRenewed(node, email, before),
      };
    },
  },
  {
    name: 'change the password',
    action: 'password.changed',
    prepare: async (ground, email) => {
      const before = await live(ground, email);
      return {
        addresses: [email],
        mails: [{ to: email, template: 'password_changed', says: /the password of your account .* was changed/ }],
        ask: (node) => node.changePassword(first, second, before.accessToken),
        isSettled: (node) => isRenewed(node, email, before),
      };
    },
  },
];

const addresses: readonly LifeFlow[] = [
  {
    name: 'ask for another address',
    action: 'email.change_requested',
    prepare: async (ground, email) => {
      const before = await live(ground, email);
      const newEmail = `new-${email}`;
      return {
        addresses: [email],
        mails: [
          { to: newEmail, template: 'email_change_confirm', says: /\/confirm-email-change\?/ },
          { to: email, template: 'email_change_requested', says: /a new email was requested for your account/ },
        ],
        ask: (node) => askForAddress(node, before, newEmail),
        isSettled: (node) => opens(node, email),
      };
    },
  },
  {
    name: 'cancel the change',
    action: 'email.change_cancelled',
    prepare: async (ground, email) => {
      const before = await live(ground, email);
      const newEmail = `new-${email}`;
      dataOf(await askForAddress(ground.node, before, newEmail));
      const link = await linkIn(ground.sink, newEmail, '/confirm-email-change');
      return {
        addresses: [email],
        mails: [],
        ask: (node) => node.api('DELETE', '/users/me/email', { token: before.accessToken }),
        isSettled: async (node) => !(await confirm(node, link)).ok && opens(node, email),
      };
    },
  },
  {
    name: 'confirm the new address',
    action: 'email.changed',
    prepare: async (ground, email) => {
      const before = await live(ground, email);
      const newEmail = `new-${email}`;
      dataOf(await askForAddress(ground.node, before, newEmail));
      const link = await linkIn(ground.sink, newEmail, '/confirm-email-change');
      return {
        addresses: [email, newEmail],
        mails: [{ to: email, template: 'email_changed_notice', says: /\/undo-email-change\?/ }],
        ask: (node) => confirm(node, link),
        isSettled: async (node) =>
          (await opens(node, newEmail)) && !(await opens(node, email)) && (await isDead(node, before)),
      };
    },
  },
  {
    name: 'undo the change',
    action: 'email.change_undone',
    prepare: async (ground, email) => {
      const newEmail = `new-${email}`;
      dataOf(await askForAddress(ground.node, await live(ground, email), newEmail));
      dataOf(await confirm(ground.node, await linkIn(ground.sink, newEmail, '/confirm-email-change')));
      const before = dataOf(await ground.node.login(newEmail, first));
      const token = await linkIn(ground.sink, email, '/undo-email-change');
      return {
        addresses: [email, newEmail],
        mails: [{ to: email, template: 'email_change_undone', says: /was undone/ }],
        ask: (node) => node.api('POST', '/auth/undo-email-change', { body: { token, password: second } }),
        isSettled: async (node) => (await isRenewed(node, email, before)) && !(await opens(node, newEmail, second)),
      };
    },
  },
];

const accounts: readonly LifeFlow[] = [
  {
    name: 'close the account',
    action: 'account.deletion_scheduled',
    prepare: async (ground, email) => {
      const before = await live(ground, email);
      return {
        addresses: [email],
        mails: [{ to: email, template: 'account_deletion_scheduled', says: /\/cancel-deletion\?/ }],
        ask: (node) => close(node, before),
        isSettled: async (node) => {
          const answer = await node.api<{ readonly step?: string }>('POST', '/auth/login', {
            body: { email, password: first },
          });
          return answer.ok && answer.data.step === 'cancel_deletion' && (await isDead(node, before));
        },
      };
    },
  },
  {
    name: 'keep the account',
    action: 'account.deletion_canceled',
    prepare: async (ground, email) => {
      dataOf(await close(ground.node, await live(ground, email)));
      const token = await linkIn(ground.sink, email, '/cancel-deletion');
      return {
        addresses: [email],
        mails: [
          { to: email, template: 'account_deletion_canceled', says: /the deletion of your account .* was canceled/ },
        ],
        ask: (node) => node.api('POST', '/auth/cancel-deletion', { body: { token } }),
        isSettled: (node) => opens(node, email),
      };
    },
  },
  {
    name: 'accept an invitation',
    action: 'invitation.accepted',
    prepare: async (ground, email) => {
      await ground.invite(email);
      const token = await linkIn(ground.sink, email, '/accept-invitation');
      const body = { token, name: 'Invited', password: first };
      return {
        addresses: [email],
        mails: [],
        ask: (node) => node.api('POST', '/auth/accept-invitation', { body }),
        isSettled: (node) => opens(node, email),
      };
    },
  },
  {
    name: 'change the profile',
    action: 'profile.changed',
    prepare: async (ground, email) => {
      const { accessToken: token } = await live(ground, email);
      return {
        addresses: [email],
        mails: [],
        ask: (node) => node.api('PATCH', '/users/me', { token, body: { name: 'Grace Hopper' } }),
        isSettled: async (node) => dataOf(await node.me(token)).name === 'Grace Hopper',
      };
    },
  },
];

const sessions: readonly LifeFlow[] = [
  {
    name: 'log out everywhere',
    action: 'session.logged_out_everywhere',
    prepare: async (ground, email) => {
      const here = await live(ground, email);
      const there = dataOf(await ground.node.login(email, first));
      return {
        addresses: [email],
        mails: [],
        ask: (node) => node.logoutAll(here.accessToken),
        isSettled: async (node) => (await isDead(node, here)) && (await isDead(node, there)) && opens(node, email),
      };
    },
  },
  {
    name: 'end the other sessions',
    action: 'session.others_ended',
    prepare: async (ground, email) => {
      const here = await live(ground, email);
      const there = dataOf(await ground.node.login(email, first));
      return {
        addresses: [email],
        mails: [],
        ask: (node) => node.api('DELETE', '/users/me/sessions', { token: here.accessToken }),
        isSettled: async (node) => (await isDead(node, there)) && (await node.session(here.accessToken)).ok,
      };
    },
  },
];

/** Every changing flow of the life of an account after the first login. */
export const lifeFlows: readonly LifeFlow[] = [...passwords, ...addresses, ...accounts, ...sessions];
