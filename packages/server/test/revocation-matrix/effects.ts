/** Every effect, carried out as people, operators and jobs do it. */
import type { Credential, Effect } from '#domain/users/index.ts';
import { disableUser, enableUser, endSessions, grantRole } from '#flows/admin-users/index.ts';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { AppResponse } from '../support/application.ts';
import { register, type Tokens, uniqueEmail } from '../support/user-actions.ts';
import { act, addUnverified, ask, close, link, logIn, moveTo, type Somebody, tell } from './somebody.ts';

/** When the thing is made: before what the effect presupposes, or after it. */
export type Moment = 'before' | 'after';

/** How an effect comes about. */
export interface Happening {
  /** Who it happens to, when it is nobody with a proven address. */
  readonly person?: typeof addUnverified;
  /** What must have happened first. */
  readonly prepare?: (somebody: Somebody) => Promise<void>;
  /** Answers what the acting session was told, if there was one. `thing` is what will be tried: it is not used up. */
  readonly perform: (somebody: Somebody, thing: Credential) => Promise<AppResponse<Tokens> | undefined>;
  /** When the thing can be made; before, unless given. */
  readonly moments?: (thing: Credential) => readonly Moment[];
}

const anotherPassword = 'another horse, another battery';

// Time passes for this one account, so that what is tried does not expire by itself.
const endGrace = statement('what_ends_test.end_grace', {
  lane: 'pool',
  sql: `update users set deletes_at = :now where id = :userId and status = 'pending_deletion'`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

/** What a closing account can be given. */
const ofTheGrace: readonly Credential[] = [
  'ticket',
  'verify_email',
  'reset_password',
  'magic_link',
  'email_code',
  'cancel_deletion',
];

function aroundClosing(thing: Credential): readonly Moment[] {
  if (thing === 'cancel_deletion') return ['after'];
  return ofTheGrace.includes(thing) ? ['before', 'after'] : ['before'];
}

async function nothing(work: Promise<unknown>): Promise<undefined> {
  await work;
  return undefined;
}

async function setNewPassword(somebody: Somebody, path: string, token: string): Promise<undefined> {
  await tell(somebody, path, { token, password: anotherPassword });
  somebody.password = anotherPassword;
}

/** By effect. */
export const happenings: Readonly<Record<Effect, Happening>> = {
  verify_email: {
    person: addUnverified,
    perform: async (somebody) => {
      await register(somebody.app, somebody.email);
      return nothing(tell(somebody, 'verify-email', { token: await link(somebody, 'verify_email') }));
    },
  },
  change_password: {
    perform: async (somebody) => {
      const json = { currentPassword: somebody.password, newPassword: anotherPassword };
      const answer = await ask<Tokens>(somebody, 'POST', '/api/v1/users/me/password', json);
      somebody.password = anotherPassword;
      return answer;
    },
  },
  recover_account: {
    perform: async (somebody) => {
      await tell(somebody, 'forgot-password', { email: somebody.email });
      return setNewPassword(somebody, 'reset-password', await link(somebody, 'reset_password'));
    },
  },
  change_email: { perform: (somebody) => nothing(moveTo(somebody, uniqueEmail('moved'))) },
  undo_email_change: {
    prepare: async (somebody) => {
      const { email } = somebody;
      await moveTo(somebody, uniqueEmail('moved'));
      await act(somebody);
      somebody.held = { email, token: await link(somebody, 'undo_email_change') };
    },
    perform: async (somebody) => {
      const { email, token } = present(somebody.held, 'the link that takes the address back');
      await setNewPassword(somebody, 'undo-email-change', token);
      somebody.email = email;
      return undefined;
    },
    moments: () => ['after'],
  },
  change_roles: { perform: ({ app, userId }) => nothing(grantRole(app.services, userId, 'admin')) },
  disable: { perform: ({ app, userId }) => nothing(disableUser(app.services, userId)) },
  enable: {
    prepare: ({ app, userId }) => nothing(disableUser(app.services, userId)),
    perform: ({ app, userId }) => nothing(enableUser(app.services, userId)),
  },
  end_sessions: { perform: ({ app, userId }) => nothing(endSessions(app.services, userId)) },
  close: { perform: (somebody) => nothing(close(somebody)) },
  keep: {
    prepare: close,
    perform: async (somebody, thing) => {
      const byTicket = async () => ({ ticket: (await logIn(somebody)).data.ticket });
      const byLink = async () => ({ token: await link(somebody, 'cancel_deletion') });
      return nothing(tell(somebody, 'cancel-deletion', await (thing === 'cancel_deletion' ? byTicket() : byLink())));
    },
    moments: aroundClosing,
  },
  erase: {
    prepare: close,
    perform: async ({ app, userId }) => {
      await app.services.database.run(endGrace, { userId, now: app.clock.now() });
      return nothing(eraseDueAccounts(app.services));
    },
    moments: aroundClosing,
  },
  log_out: { perform: (somebody) => ask<Tokens>(somebody, 'POST', '/api/v1/auth/logout') },
  log_out_everywhere: { perform: (somebody) => ask<Tokens>(somebody, 'POST', '/api/v1/auth/logout-all') },
  end_session: {
    perform: async (somebody) => {
      const id = somebody.namedSessionId ?? (await logIn(somebody)).data.sessionId;
      return nothing(ask(somebody, 'DELETE', `/api/v1/users/me/sessions/${id}`));
    },
  },
  end_other_sessions: { perform: (somebody) => nothing(ask(somebody, 'DELETE', '/api/v1/users/me/sessions')) },
};
