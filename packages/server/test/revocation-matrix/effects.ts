/** Every effect of the revocation matrix, performed through the API, the admin flows or a job. */
import type { Credential, Effect } from '#domain/users/index.ts';
import { disableUser, enableUser, endSessions, grantRole, resetFactors } from '#flows/admin-users/index.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { AppResponse } from '../support/application.ts';
import {
  beginEnrollment,
  changePasswordAtLogin,
  confirmEnrollment,
  enrollmentTicket,
  mustChangePassword,
  requireTwoFactors,
  ticketFor,
} from '../support/login-steps.ts';
import { operator } from '../support/operator.ts';
import { addPasskey, passkeysPath } from '../support/passkeys.ts';
import { beginTotp, type Confirmed, codeNow } from '../support/second-factors.ts';
import { connectAnother, linkNewIdentity } from '../support/shared-provider.ts';
import { register, type Tokens, uniqueEmail } from '../support/user-actions.ts';
import {
  type ActingUser,
  addUnverifiedUser,
  changeEmailTo,
  deleteAccount,
  linkToken,
  logIn,
  request,
  sessionOf,
  startSession,
  submit,
  withTotp,
} from './acting-user.ts';

/** Whether the credential is issued before or after the precondition of the effect. */
export type Timing = 'before' | 'after';

export interface EffectScenario {
  /** Default: a user with a verified address and an acting session. */
  readonly createUser?: typeof addUnverifiedUser;
  /** Establishes the precondition of the effect. */
  readonly prepare?: (user: ActingUser) => Promise<void>;
  /**
   * Returns the response to the acting session, if it performed the effect. It must not consume `credential`, which is
   * probed afterwards.
   */
  readonly perform: (user: ActingUser, credential: Credential) => Promise<AppResponse<Tokens> | undefined>;
  /** Default: before. */
  readonly timings?: (credential: Credential) => readonly Timing[];
}

const mfaPath = '/api/v1/users/me/mfa';
const anotherPassword = 'another horse, another battery';

// Only this account's grace period ends; moving the clock would also expire the probed credentials.
const endGrace = statement('revocation_matrix_test.end_grace', {
  lane: 'pool',
  sql: `update users set deletes_at = :now where id = :userId and status = 'pending_deletion'`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

/** The credentials that can be issued to a user pending deletion. */
const issuedInGracePeriod: readonly Credential[] = [
  'ticket',
  'verify_email',
  'reset_password',
  'magic_link',
  'email_code',
  'setup',
  'mailbox_code',
  'cancel_deletion',
];

function aroundDeletion(credential: Credential): readonly Timing[] {
  if (credential === 'cancel_deletion') return ['after'];
  return issuedInGracePeriod.includes(credential) ? ['before', 'after'] : ['before'];
}

async function withoutResponse(work: Promise<unknown>): Promise<undefined> {
  await work;
  return undefined;
}

async function setNewPassword(user: ActingUser, path: string, token: string): Promise<undefined> {
  await submit(user, path, { token, password: anotherPassword });
  user.password = anotherPassword;
}

/** A security key turns two-step sign-in on. */
async function addKey(user: ActingUser, kind: 'passkey' | 'security_key'): Promise<AppResponse<Tokens>> {
  const { response } = await addPasskey(user.app, present(user.acting, 'the acting session').credentials, { kind });
  user.namedPasskeyId = response.data.passkey.id;
  user.recoveryCodes = [...(response.data.recoveryCodes ?? [])];
  return response as AppResponse<Tokens & typeof response.data>;
}

export const effectScenarios: Readonly<Record<Effect, EffectScenario>> = {
  verify_email: {
    createUser: addUnverifiedUser,
    perform: async (user) => {
      await register(user.app, user.email);
      return withoutResponse(submit(user, 'verify-email', { token: await linkToken(user, 'verify_email') }));
    },
  },
  change_password: {
    perform: async (user) => {
      const body = { currentPassword: user.password, newPassword: anotherPassword };
      const response = await request<Tokens>(user, 'POST', '/api/v1/users/me/password', body);
      user.password = anotherPassword;
      return response;
    },
  },
  enroll_totp: {
    prepare: async (user) => {
      user.totpSecret = await beginTotp(user.app, present(user.acting, 'the acting session').credentials);
    },
    perform: async (user) => {
      const code = codeNow(user.app, present(user.totpSecret, 'the secret of the app'));
      const confirmed = await request<Confirmed>(user, 'POST', '/api/v1/users/me/totp/confirm', { code });
      user.recoveryCodes = [...(confirmed.data.recoveryCodes ?? [])];
      return confirmed;
    },
    timings: () => ['after'],
  },
  remove_totp: {
    prepare: withTotp,
    perform: (user) => request<Tokens>(user, 'DELETE', '/api/v1/users/me/totp'),
    timings: () => ['after'],
  },
  add_passkey: { perform: (user) => addKey(user, 'passkey') },
  add_security_key: { perform: (user) => addKey(user, 'security_key') },
  remove_passkey: {
    perform: async (user) => {
      if (user.namedPasskeyId === undefined) await addKey(user, 'passkey');
      return request<Tokens>(user, 'DELETE', `${passkeysPath}/${user.namedPasskeyId}`);
    },
  },
  link_identity: {
    perform: async ({ app, email, password }) => {
      await connectAnother(app, email, password);
      return undefined;
    },
  },
  unlink_identity: {
    perform: async (user) => {
      user.namedIdentityId ??= (await linkNewIdentity(user.app, user.userId)).identityId;
      return request<Tokens>(user, 'DELETE', `/api/v1/users/me/identities/${user.namedIdentityId}`);
    },
  },
  turn_mfa_on: {
    prepare: async (user) => {
      await withTotp(user);
      user.acting = sessionOf(await request<Tokens>(user, 'PUT', mfaPath, { enabled: false }), user.acting);
    },
    perform: async (user) => {
      // A session of one factor, such as a login starts while the switch is off, proves the other one first.
      const recoveryCode = present(user.recoveryCodes?.pop(), 'an unused recovery code');
      user.acting = sessionOf(
        await request<Tokens>(user, 'POST', '/api/v1/auth/step-up', { recoveryCode }),
        user.acting,
      );
      return request<Tokens>(user, 'PUT', mfaPath, { enabled: true });
    },
    timings: () => ['after'],
  },
  turn_mfa_off: {
    prepare: withTotp,
    perform: (user) => request<Tokens>(user, 'PUT', mfaPath, { enabled: false }),
    timings: () => ['after'],
  },
  enroll_at_login: {
    perform: async (user) => {
      const { app } = user;
      await requireTwoFactors(app, user.userId);
      const ticket = await enrollmentTicket(app, user);
      const code = codeNow(app, await beginEnrollment(app, ticket));
      const { status, data } = await confirmEnrollment(app, ticket, code);
      if (status !== 200) throw new Error('the second factor was not set up');
      user.recoveryCodes = [...(data.recoveryCodes ?? [])];
      return undefined;
    },
  },
  change_password_at_login: {
    perform: async (user) => {
      const { app, email } = user;
      await mustChangePassword(app, user.userId);
      const ticket = await ticketFor(app, email, 'change_password');
      const { status } = await changePasswordAtLogin(app, ticket, anotherPassword);
      if (status !== 200) throw new Error('the password was not changed');
      user.password = anotherPassword;
      return undefined;
    },
  },
  make_recovery_codes: {
    prepare: withTotp,
    perform: (user) => request<Tokens>(user, 'POST', '/api/v1/users/me/recovery-codes', {}),
    timings: () => ['after'],
  },
  step_up: {
    perform: (user) => request<Tokens>(user, 'POST', '/api/v1/auth/step-up', { password: user.password }),
  },
  recover_account: {
    perform: async (user) => {
      await submit(user, 'forgot-password', { email: user.email });
      return setNewPassword(user, 'reset-password', await linkToken(user, 'reset_password'));
    },
  },
  change_email: { perform: (user) => withoutResponse(changeEmailTo(user, uniqueEmail('moved'))) },
  undo_email_change: {
    prepare: async (user) => {
      const { email } = user;
      await changeEmailTo(user, uniqueEmail('moved'));
      await startSession(user);
      user.undo = { email, token: await linkToken(user, 'undo_email_change') };
    },
    perform: async (user) => {
      const { email, token } = present(user.undo, 'the link that undoes the change');
      await setNewPassword(user, 'undo-email-change', token);
      user.email = email;
      return undefined;
    },
    timings: () => ['after'],
  },
  change_roles: { perform: ({ app, userId }) => withoutResponse(grantRole(app.services, operator, userId, 'owner')) },
  disable: { perform: ({ app, userId }) => withoutResponse(disableUser(app.services, operator, userId)) },
  enable: {
    prepare: ({ app, userId }) => withoutResponse(disableUser(app.services, operator, userId)),
    perform: ({ app, userId }) => withoutResponse(enableUser(app.services, operator, userId)),
  },
  end_sessions: { perform: ({ app, userId }) => withoutResponse(endSessions(app.services, operator, userId)) },
  reset_factors: {
    prepare: withTotp,
    perform: ({ app, userId }) => withoutResponse(resetFactors(app.services, operator, userId)),
    timings: () => ['after'],
  },
  delete_account: { perform: (user) => withoutResponse(deleteAccount(user)) },
  cancel_deletion: {
    prepare: deleteAccount,
    perform: async (user, credential) => {
      const byTicket = async () => ({ ticket: (await logIn(user)).data.ticket });
      const byLink = async () => ({ token: await linkToken(user, 'cancel_deletion') });
      return withoutResponse(
        submit(user, 'cancel-deletion', await (credential === 'cancel_deletion' ? byTicket() : byLink())),
      );
    },
    timings: aroundDeletion,
  },
  erase: {
    prepare: deleteAccount,
    perform: async ({ app, userId }) => {
      await app.services.database.run(endGrace, { userId, now: app.clock.now() });
      return withoutResponse(eraseDueAccounts(app.services));
    },
    timings: aroundDeletion,
  },
  log_out: { perform: (user) => request<Tokens>(user, 'POST', '/api/v1/auth/logout') },
  log_out_everywhere: { perform: (user) => request<Tokens>(user, 'POST', '/api/v1/auth/logout-all') },
  end_session: {
    perform: async (user) => {
      const id = user.namedSessionId ?? (await logIn(user)).data.sessionId;
      return withoutResponse(request(user, 'DELETE', `/api/v1/users/me/sessions/${id}`));
    },
  },
  end_other_sessions: { perform: (user) => withoutResponse(request(user, 'DELETE', '/api/v1/users/me/sessions')) },
};
