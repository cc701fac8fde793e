/** What operators do by commands. */
import type { CommandIo } from '#app/cli/command.ts';
import { commands } from '#app/cli/list.ts';
import { assert } from '#kernel/assert.ts';
import { setStatus } from '#test/support/user-status.ts';
import type { Application } from '../../support/application.ts';
import { addPendingInvitation } from '../../support/daily-traffic.ts';
import { isAccepted, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import {
  allHold,
  ask,
  type Begun,
  canLogIn,
  logIn,
  not,
  type Regular,
  refusedCommand,
  regular,
  type Scenario,
  shutOut,
  type Told,
  toldOf,
} from './scenario.ts';

type Options = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Types a command, which runs on the product's own services. */
async function type(
  app: Application,
  name: string,
  first?: string,
  options: Options = {},
  second?: string,
): Promise<Told> {
  const command = commands.find((known) => known.name === name);
  assert(command?.needs === 'services', `${name} runs on the services`);
  const io: CommandIo = {
    isTerminal: false,
    columns: undefined,
    out: () => undefined,
    err: () => undefined,
    drained: async () => undefined,
    readSecret: async () => undefined,
    readInput: async () => `${validPassword}\n`,
  };
  const given = [first, second].filter((argument) => argument !== undefined);
  return toldOf(() => command.run({ options, arguments: given }, app.services, io));
}

function roleOf(person: Regular, role: 'grant-role' | 'revoke-role'): Promise<Told> {
  return type(person.app, `user ${role}`, person.email, {}, 'admin');
}

/** Somebody with a session, which ends, and the role, which comes or goes. */
async function changingRole(app: Application, change: 'grant-role' | 'revoke-role'): Promise<Begun> {
  const person = await regular(app);
  if (change === 'revoke-role') await roleOf(person, 'grant-role');
  const { accessToken } = await logIn(person);
  const isSettled = () => allHold([not(() => isAccepted(app, accessToken)), () => canLogIn(app, person.email)]);
  return { ask: () => roleOf(person, change), isSettled };
}

export const operating: readonly Scenario[] = [
  {
    name: 'user create',
    audit: ['user.created'],
    again: refusedCommand,
    begin: async (app) => {
      const email = uniqueEmail('made');
      const options = { email, name: 'Made', role: ['admin'], 'password-stdin': true };
      return { ask: () => type(app, 'user create', undefined, options), isSettled: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user metadata',
    audit: ['user.metadata_changed'],
    begin: async (app) => {
      const { email } = await regular(app);
      const options = { 'set-public': '{"plan":"pro"}', 'set-private': '{"note":"a friend"}' };
      return { ask: () => type(app, 'user metadata', email, options), isSettled: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user grant-role',
    audit: ['user.role_granted'],
    again: refusedCommand,
    begin: (app) => changingRole(app, 'grant-role'),
  },
  {
    name: 'user revoke-role',
    audit: ['user.role_revoked'],
    again: refusedCommand,
    begin: (app) => changingRole(app, 'revoke-role'),
  },
  {
    name: 'user disable',
    audit: ['user.disabled'],
    again: refusedCommand,
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken } = await logIn(person);
      const { email } = person;
      const isSettled = () =>
        allHold([
          not(() => isAccepted(app, accessToken)),
          not(() => canLogIn(app, email)),
          async () => (await type(app, 'user enable', email)) === 'done',
          () => canLogIn(app, email),
        ]);
      return { ask: () => type(app, 'user disable', email), isSettled };
    },
  },
  {
    name: 'user enable',
    audit: ['user.enabled'],
    again: refusedCommand,
    begin: async (app) => {
      const { email } = await regular(app);
      await setStatus(app, email, 'disabled');
      return { ask: () => type(app, 'user enable', email), isSettled: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user unlock',
    audit: ['user.unlocked'],
    begin: async (app) => {
      const { email } = await regular(app);
      await shutOut(app, email);
      return { ask: () => type(app, 'user unlock', email), isSettled: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user end-sessions',
    audit: ['user.sessions_ended'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken } = await logIn(person);
      const isSettled = () => allHold([not(() => isAccepted(app, accessToken)), () => canLogIn(app, person.email)]);
      return { ask: () => type(app, 'user end-sessions', person.email), isSettled };
    },
  },
  {
    name: 'invite create',
    audit: ['invitation.created'],
    mail: ['invitation'],
    begin: async (app) => {
      const email = uniqueEmail('invited');
      const isListed = async () => (await type(app, 'invite list')) === 'done';
      return { ask: () => type(app, 'invite create', undefined, { email, role: 'admin' }), isSettled: isListed };
    },
  },
  {
    name: 'invite revoke',
    audit: ['invitation.revoked'],
    again: refusedCommand,
    begin: async (app) => {
      const id = await addPendingInvitation(app);
      const json = {
        token: app.services.tokens.secret(id, 'invitation', app.services.keys.currentKeyId('link')),
        name: 'Invited',
        password: validPassword,
      };
      const isDead = async () => (await ask(app, 'POST', '/auth/accept-invitation', { json })) === 'invalid_token';
      return { ask: () => type(app, 'invite revoke', id), isSettled: isDead };
    },
  },
  {
    name: 'client set-origins',
    audit: ['client.origins_changed'],
    begin: async (app) => {
      const { email } = await regular(app);
      const origin = [`https://app-${uniqueEmail().split('@')[0]}.example`];
      return {
        ask: () => type(app, 'client set-origins', undefined, { origin }),
        isSettled: () => canLogIn(app, email),
      };
    },
  },
  {
    name: 'keys rotate',
    audit: ['signing_key.rotated'],
    madeLater: ['+ signing_keys next'],
    begin: async (app) => {
      const person = await regular(app);
      const { accessToken } = await logIn(person);
      const isSettled = () =>
        allHold([() => isAccepted(app, accessToken), async () => isAccepted(app, (await logIn(person)).accessToken)]);
      return { ask: () => type(app, 'keys rotate', undefined, { now: true }), isSettled };
    },
  },
  {
    name: 'keys revoke',
    audit: ['signing_key.revoked'],
    again: refusedCommand,
    madeLater: ['+ signing_keys next'],
    begin: async (app) => {
      const person = await regular(app);
      const { kid } = app.services.signingKeys.current();
      const { accessToken } = await logIn(person);
      const isSettled = () =>
        allHold([
          not(() => isAccepted(app, accessToken)),
          async () => isAccepted(app, (await logIn(person)).accessToken),
          async () => app.services.signingKeys.current().kid !== kid,
        ]);
      return { ask: () => type(app, 'keys revoke', kid), isSettled };
    },
  },
  {
    name: 'keys rotate-data',
    audit: ['data_key.rotated'],
    begin: async (app) => {
      const { email } = await regular(app);
      return { ask: () => type(app, 'keys rotate-data', 'password'), isSettled: () => canLogIn(app, email) };
    },
  },
];
