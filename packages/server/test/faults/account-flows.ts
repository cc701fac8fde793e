/** The state-changing flows of an account: the request of each, its rows and mails, and the required end state. */
import type { ApiResult, Client, Tokens } from '../../../../e2e/support/client.ts';
import { dataOf } from '../../../../e2e/support/client.ts';
import { awaitLink, tokenOf } from '../../../../e2e/support/inbox.ts';
import type { SmtpSink } from '../../../../e2e/support/smtp-sink.ts';

/** The current server, its mail and its command line, used to prepare each flow. */
export type FlowContext = {
  readonly node: Client;
  readonly sink: SmtpSink;
  readonly invite: (email: string) => Promise<void>;
};

/** A mail that the effect enqueues. */
export type QueuedMail = { readonly to: string; readonly template: string };

/** A user about to send the request of a flow. The server may be restarted between `prepare` and `request`. */
export type Prepared = {
  /** The canonical addresses of the user, before and after. */
  readonly addresses: readonly string[];
  readonly mails: readonly QueuedMail[];
  readonly request: (node: Client) => Promise<ApiResult<unknown>>;
  /** Whether the account is in the required end state. */
  readonly isInEndState: (node: Client) => Promise<boolean>;
};

export type AccountFlow = {
  readonly name: string;
  readonly action: string;
  /** The kind of the job that performs the effect, if the response comes earlier. */
  readonly job?: string;
  readonly prepare: (context: FlowContext, email: string) => Promise<Prepared>;
};

const firstPassword = 'the first password of all';
const secondPassword = 'the second password of all';

/** A user with a verified address and a session. */
async function addLoggedInUser({ node, sink }: FlowContext, email: string): Promise<Tokens> {
  dataOf(await node.register({ email, password: firstPassword }));
  dataOf(await node.verify(await mailedToken(sink, email, '/verify-email')));
  return dataOf(await node.login(email, firstPassword));
}

async function mailedToken(sink: SmtpSink, email: string, path: string): Promise<string> {
  return tokenOf(await awaitLink(async () => sink.acceptedFor(email), path));
}

async function canLogIn(node: Client, email: string, password = firstPassword): Promise<boolean> {
  const response = await node.login(email, password);
  return response.ok && response.data.accessToken !== undefined;
}

async function isRevoked(node: Client, { accessToken, refreshToken }: Tokens): Promise<boolean> {
  return !(await node.session(accessToken)).ok && !(await node.refresh(refreshToken)).ok;
}

/** The new password works, the old one is rejected, and earlier sessions are revoked. */
async function hasNewPassword(node: Client, email: string, before: Tokens): Promise<boolean> {
  const acceptsNew = await canLogIn(node, email, secondPassword);
  return acceptsNew && !(await canLogIn(node, email)) && (await isRevoked(node, before));
}

function requestEmailChange(
  node: Client,
  { accessToken: token }: Tokens,
  newEmail: string,
): Promise<ApiResult<unknown>> {
  return node.api('POST', '/users/me/email', { token, body: { newEmail, currentPassword: firstPassword } });
}

function confirm(node: Client, token: string): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/confirm-email-change', { body: { token } });
}

function requestDeletion(node: Client, { accessToken: token }: Tokens): Promise<ApiResult<unknown>> {
  return node.api('DELETE', '/users/me', { token, body: { currentPassword: firstPassword } });
}

const passwords: readonly AccountFlow[] = [
  {
    name: 'request a reset link',
    action: 'password.reset_requested',
    job: 'mail_requests.enqueue',
    prepare: async (context, email) => {
      await addLoggedInUser(context, email);
      return {
        addresses: [email],
        mails: [{ to: email, template: 'reset_password' }],
        request: (node) => node.forgotPassword(email),
        isInEndState: (node) => canLogIn(node, email),
      };
    },
  },
  {
    name: 'reset the password',
    action: 'password.reset',
    prepare: async (context, email) => {
      const before = await addLoggedInUser(context, email);
      dataOf(await context.node.forgotPassword(email));
      const token = await mailedToken(context.sink, email, '/reset-password');
      return {
        addresses: [email],
        mails: [{ to: email, template: 'password_reset_done' }],
        request: (node) => node.resetPassword(token, secondPassword),
        isInEndState: (node) => hasNewPassword(node, email, before),
      };
    },
  },
  {
    name: 'change the password',
    action: 'password.changed',
    prepare: async (context, email) => {
      const before = await addLoggedInUser(context, email);
      return {
        addresses: [email],
        mails: [{ to: email, template: 'password_changed' }],
        request: (node) => node.changePassword(firstPassword, secondPassword, before.accessToken),
        isInEndState: (node) => hasNewPassword(node, email, before),
      };
    },
  },
];

const addresses: readonly AccountFlow[] = [
  {
    name: 'request a change of address',
    action: 'email.change_requested',
    prepare: async (context, email) => {
      const before = await addLoggedInUser(context, email);
      const newEmail = `new-${email}`;
      return {
        addresses: [email],
        mails: [
          { to: newEmail, template: 'email_change_confirm' },
          { to: email, template: 'email_change_requested' },
        ],
        request: (node) => requestEmailChange(node, before, newEmail),
        isInEndState: (node) => canLogIn(node, email),
      };
    },
  },
  {
    name: 'cancel the change of address',
    action: 'email.change_canceled',
    prepare: async (context, email) => {
      const before = await addLoggedInUser(context, email);
      const newEmail = `new-${email}`;
      dataOf(await requestEmailChange(context.node, before, newEmail));
      const link = await mailedToken(context.sink, newEmail, '/confirm-email-change');
      return {
        addresses: [email],
        mails: [],
        request: (node) => node.api('DELETE', '/users/me/email', { token: before.accessToken }),
        isInEndState: async (node) => !(await confirm(node, link)).ok && canLogIn(node, email),
      };
    },
  },
  {
    name: 'confirm the new address',
    action: 'email.changed',
    prepare: async (context, email) => {
      const before = await addLoggedInUser(context, email);
      const newEmail = `new-${email}`;
      dataOf(await requestEmailChange(context.node, before, newEmail));
      const link = await mailedToken(context.sink, newEmail, '/confirm-email-change');
      return {
        addresses: [email, newEmail],
        mails: [{ to: email, template: 'email_changed_notice' }],
        request: (node) => confirm(node, link),
        isInEndState: async (node) =>
          (await canLogIn(node, newEmail)) && !(await canLogIn(node, email)) && (await isRevoked(node, before)),
      };
    },
  },
  {
    name: 'undo the change of address',
    action: 'email.change_undone',
    prepare: async (context, email) => {
      const newEmail = `new-${email}`;
      dataOf(await requestEmailChange(context.node, await addLoggedInUser(context, email), newEmail));
      dataOf(await confirm(context.node, await mailedToken(context.sink, newEmail, '/confirm-email-change')));
      const before = dataOf(await context.node.login(newEmail, firstPassword));
      const token = await mailedToken(context.sink, email, '/undo-email-change');
      return {
        addresses: [email, newEmail],
        mails: [{ to: email, template: 'email_change_undone' }],
        request: (node) => node.api('POST', '/auth/undo-email-change', { body: { token, password: secondPassword } }),
        isInEndState: async (node) =>
          (await hasNewPassword(node, email, before)) && !(await canLogIn(node, newEmail, secondPassword)),
      };
    },
  },
];

const accounts: readonly AccountFlow[] = [
  {
    name: 'delete the account',
    action: 'account.deletion_scheduled',
    prepare: async (context, email) => {
      const before = await addLoggedInUser(context, email);
      return {
        addresses: [email],
        mails: [{ to: email, template: 'account_deletion_scheduled' }],
        request: (node) => requestDeletion(node, before),
        isInEndState: async (node) => {
          const response = await node.api<{ readonly step?: string }>('POST', '/auth/login', {
            body: { email, password: firstPassword },
          });
          return response.ok && response.data.step === 'cancel_deletion' && (await isRevoked(node, before));
        },
      };
    },
  },
  {
    name: 'cancel the deletion',
    action: 'account.deletion_canceled',
    prepare: async (context, email) => {
      dataOf(await requestDeletion(context.node, await addLoggedInUser(context, email)));
      const token = await mailedToken(context.sink, email, '/cancel-deletion');
      return {
        addresses: [email],
        mails: [{ to: email, template: 'account_deletion_canceled' }],
        request: (node) => node.api('POST', '/auth/cancel-deletion', { body: { token } }),
        isInEndState: (node) => canLogIn(node, email),
      };
    },
  },
  {
    name: 'accept an invitation',
    action: 'invitation.accepted',
    prepare: async (context, email) => {
      await context.invite(email);
      const token = await mailedToken(context.sink, email, '/accept-invitation');
      const body = { token, name: 'Invited', password: firstPassword };
      return {
        addresses: [email],
        mails: [],
        request: (node) => node.api('POST', '/auth/accept-invitation', { body }),
        isInEndState: (node) => canLogIn(node, email),
      };
    },
  },
  {
    name: 'change the profile',
    action: 'profile.changed',
    prepare: async (context, email) => {
      const { accessToken: token } = await addLoggedInUser(context, email);
      return {
        addresses: [email],
        mails: [],
        request: (node) => node.api('PATCH', '/users/me', { token, body: { name: 'Grace Hopper' } }),
        isInEndState: async (node) => dataOf(await node.me(token)).name === 'Grace Hopper',
      };
    },
  },
];

const sessions: readonly AccountFlow[] = [
  {
    name: 'log out everywhere',
    action: 'session.logged_out_everywhere',
    prepare: async (context, email) => {
      const session = await addLoggedInUser(context, email);
      const otherSession = dataOf(await context.node.login(email, firstPassword));
      return {
        addresses: [email],
        mails: [],
        request: (node) => node.logoutAll(session.accessToken),
        isInEndState: async (node) =>
          (await isRevoked(node, session)) && (await isRevoked(node, otherSession)) && canLogIn(node, email),
      };
    },
  },
  {
    name: 'revoke the other sessions',
    action: 'session.others_ended',
    prepare: async (context, email) => {
      const session = await addLoggedInUser(context, email);
      const otherSession = dataOf(await context.node.login(email, firstPassword));
      return {
        addresses: [email],
        mails: [],
        request: (node) => node.api('DELETE', '/users/me/sessions', { token: session.accessToken }),
        isInEndState: async (node) =>
          (await isRevoked(node, otherSession)) && (await node.session(session.accessToken)).ok,
      };
    },
  },
];

/** Every state-changing flow of an account after the first login. */
export const accountFlows: readonly AccountFlow[] = [...passwords, ...addresses, ...accounts, ...sessions];
