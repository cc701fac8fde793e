/** Scenarios of admin commands. */
import type { CommandIo } from '#app/cli/command.ts';
import { commands } from '#app/cli/list.ts';
import { assert } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Application } from '../../support/application.ts';
import { addPendingInvitation } from '../../support/daily-traffic.ts';
import { addOwner } from '../../support/login-steps.ts';
import { beginTotp, confirmTotp } from '../../support/second-factors.ts';
import { storedLinkToken } from '../../support/stored-links.ts';
import { isAccepted, login, uniqueEmail, validPassword } from '../../support/user-actions.ts';
import { setStatus, userIdOf } from '../../support/user-status.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  exhaustAttempts,
  logIn,
  not,
  type Prepared,
  type Result,
  rejectedCommand,
  request,
  resultOfWork,
  type Scenario,
  type ScenarioUser,
} from './scenario.ts';

type Options = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Runs a command on the services of the application. */
async function runCommand(
  app: Application,
  name: string,
  first?: string,
  options: Options = {},
  second?: string,
): Promise<Result> {
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
  const args = [first, second].filter((argument) => argument !== undefined);
  return resultOfWork(() => command.run({ options, arguments: args }, app.services, io));
}

function changeRole(user: Pick<ScenarioUser, 'app' | 'email'>, role: 'grant-role' | 'revoke-role'): Promise<Result> {
  return runCommand(user.app, `user ${role}`, user.email, {}, 'owner');
}

function newProviderId(): string {
  return uniqueEmail('provider').split('@')[0]?.replace('.', '-') ?? '';
}

/** Adds a provider, whose secret is what the command reads. */
async function runAddProvider(app: Application, id: string): Promise<Result> {
  const options = {
    preset: 'oidc',
    'client-id': 'latchkey',
    issuer: `https://${id}.example`,
    'client-secret-stdin': true,
  };
  return runCommand(app, 'provider add', id, options);
}

async function addProvider(app: Application): Promise<string> {
  const id = newProviderId();
  await runAddProvider(app, id);
  return id;
}

/** The role changes, and the user's sessions are revoked. */
async function roleChange(app: Application, change: 'grant-role' | 'revoke-role'): Promise<Prepared> {
  const user = change === 'revoke-role' ? await addOwner(app) : await addUserWithSession(app);
  // A role needs a second factor; one that is set up stays.
  const next = change === 'revoke-role' ? 'second_factor' : 'confirm_mailbox';
  const isComplete = () =>
    allTrue([not(() => isAccepted(app, user.accessToken)), () => needsStep(app, user.email, next)]);
  return { run: () => changeRole({ app, email: user.email }, change), isComplete };
}

async function addUserWithSession(app: Application): Promise<{ readonly email: string; readonly accessToken: string }> {
  const user = await addScenarioUser(app);
  return { email: user.email, accessToken: (await logIn(user)).accessToken };
}

const deleteRoles = statement('statement_scenarios.delete_roles', {
  lane: 'pool',
  sql: 'delete from role_assignments',
  params: {},
  columns: {},
});

/** Without the owners of other scenarios, who would all get a mail. */
async function withdrawOwners({ services }: Application): Promise<void> {
  await services.database.run(deleteRoles, {});
}

/** Whether the password leads to this step. */
async function needsStep(app: Application, email: string, step: string): Promise<boolean> {
  return (await login(app, email)).data.step === step;
}

export const adminCommands: readonly Scenario[] = [
  {
    name: 'admin create',
    commitsInParts: true,
    audit: ['owner.setup_link_made', 'user.created'],
    prepare: async (app) => {
      const email = uniqueEmail('owner');
      const isComplete = async () => {
        const token = await storedLinkToken(app, await userIdOf(app, email), 'setup');
        const json = { token, name: 'Grace', password: validPassword };
        return (await request(app, 'POST', '/auth/setup', { json })) === 'done';
      };
      return { run: () => runCommand(app, 'admin create', email), isComplete };
    },
  },
  {
    name: 'admin recover',
    audit: ['owner.recovery_link_made'],
    mail: ['owner_recovery'],
    prepare: async (app) => {
      await withdrawOwners(app);
      const owner = await addOwner(app);
      const isComplete = async () => {
        const token = await storedLinkToken(app, owner.userId, 'setup');
        const json = { token, name: 'Grace', password: validPassword };
        return (await request(app, 'POST', '/auth/setup', { json })) === 'done';
      };
      return { run: () => runCommand(app, 'admin recover', owner.email), isComplete };
    },
  },
  {
    name: 'user create',
    audit: ['user.created'],
    retryResult: rejectedCommand,
    prepare: async (app) => {
      const email = uniqueEmail('made');
      const options = { email, name: 'Made', role: ['owner'], 'password-stdin': true };
      const isComplete = () => needsStep(app, email, 'confirm_mailbox');
      return { run: () => runCommand(app, 'user create', undefined, options), isComplete };
    },
  },
  {
    name: 'user metadata',
    audit: ['user.metadata_changed'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const options = { 'set-public': '{"plan":"pro"}', 'set-private': '{"note":"a friend"}' };
      return { run: () => runCommand(app, 'user metadata', email, options), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user grant-role',
    audit: ['user.role_granted'],
    retryResult: rejectedCommand,
    prepare: (app) => roleChange(app, 'grant-role'),
  },
  {
    name: 'user revoke-role',
    audit: ['user.role_revoked'],
    retryResult: rejectedCommand,
    prepare: (app) => roleChange(app, 'revoke-role'),
  },
  {
    name: 'user disable',
    audit: ['user.disabled'],
    retryResult: rejectedCommand,
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken } = await logIn(user);
      const { email } = user;
      const isComplete = () =>
        allTrue([
          not(() => isAccepted(app, accessToken)),
          not(() => canLogIn(app, email)),
          async () => (await runCommand(app, 'user enable', email)) === 'done',
          () => canLogIn(app, email),
        ]);
      return { run: () => runCommand(app, 'user disable', email), isComplete };
    },
  },
  {
    name: 'user enable',
    audit: ['user.enabled'],
    retryResult: rejectedCommand,
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      await setStatus(app, email, 'disabled');
      return { run: () => runCommand(app, 'user enable', email), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user unlock',
    audit: ['user.unlocked'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      await exhaustAttempts(app, email);
      return { run: () => runCommand(app, 'user unlock', email), isComplete: () => canLogIn(app, email) };
    },
  },
  {
    name: 'user reset-factors',
    audit: ['factor.reset'],
    mail: ['second_factor_removed'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      await confirmTotp(app, { token }, await beginTotp(app, { token }));
      return {
        run: () => runCommand(app, 'user reset-factors', user.email),
        isComplete: () => canLogIn(app, user.email),
      };
    },
  },
  {
    name: 'user end-sessions',
    audit: ['user.sessions_ended'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken } = await logIn(user);
      const isComplete = () => allTrue([not(() => isAccepted(app, accessToken)), () => canLogIn(app, user.email)]);
      return { run: () => runCommand(app, 'user end-sessions', user.email), isComplete };
    },
  },
  {
    name: 'invite create',
    audit: ['invitation.created'],
    mail: ['invitation'],
    prepare: async (app) => {
      const email = uniqueEmail('invited');
      const isListed = async () => (await runCommand(app, 'invite list')) === 'done';
      return { run: () => runCommand(app, 'invite create', undefined, { email, role: 'owner' }), isComplete: isListed };
    },
  },
  {
    name: 'invite revoke',
    audit: ['invitation.revoked'],
    retryResult: rejectedCommand,
    prepare: async (app) => {
      const id = await addPendingInvitation(app);
      const json = {
        token: app.services.tokens.secret(id, 'invitation', app.services.keys.currentKeyId('link')),
        name: 'Invited',
        password: validPassword,
      };
      const isRevoked = async () =>
        (await request(app, 'POST', '/auth/accept-invitation', { json })) === 'invalid_token';
      return { run: () => runCommand(app, 'invite revoke', id), isComplete: isRevoked };
    },
  },
  {
    name: 'client set-origins',
    audit: ['client.origins_changed'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const origin = [`https://app-${uniqueEmail().split('@')[0]}.example`];
      return {
        run: () => runCommand(app, 'client set-origins', undefined, { origin }),
        isComplete: () => canLogIn(app, email),
      };
    },
  },
  ...(['disable', 'enable', 'remove'] as const).map(
    (change): Scenario => ({
      name: `provider ${change}`,
      audit: [change === 'remove' ? 'provider.removed' : `provider.${change}d`],
      ...(change === 'remove' ? { retryResult: rejectedCommand } : {}),
      prepare: async (app) => {
        const id = await addProvider(app);
        if (change === 'enable') await runCommand(app, 'provider disable', id);
        const isComplete = async () => {
          await app.services.identityProviders.refresh();
          return (
            app.services.identityProviders.byId(id)?.enabled ===
            { disable: false, enable: true, remove: undefined }[change]
          );
        };
        return { run: () => runCommand(app, `provider ${change}`, id), isComplete };
      },
    }),
  ),
  {
    name: 'provider add',
    audit: ['provider.added'],
    retryResult: rejectedCommand,
    prepare: async (app) => {
      const id = newProviderId();
      const isComplete = async () => {
        await app.services.identityProviders.refresh();
        const provider = app.services.identityProviders.byId(id);
        return provider !== undefined && app.services.identityProviders.secretOf(provider) === validPassword;
      };
      return { run: () => runAddProvider(app, id), isComplete };
    },
  },
  {
    name: 'provider set',
    audit: ['provider.changed'],
    prepare: async (app) => {
      const id = await addProvider(app);
      const changes = { label: 'Changed', 'email-domains': 'changed.example' };
      const isComplete = async () => {
        await app.services.identityProviders.refresh();
        const provider = app.services.identityProviders.byId(id);
        if (provider?.name !== 'Changed' || provider.settings.emailDomains.join() !== 'changed.example') return false;
        return app.services.identityProviders.secretOf(provider) === validPassword;
      };
      return { run: () => runCommand(app, 'provider set', id, changes), isComplete };
    },
  },
  {
    name: 'keys rotate',
    audit: ['signing_key.rotated'],
    optionalRows: ['+ signing_keys next'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken } = await logIn(user);
      const isComplete = () =>
        allTrue([() => isAccepted(app, accessToken), async () => isAccepted(app, (await logIn(user)).accessToken)]);
      return { run: () => runCommand(app, 'keys rotate', undefined, { now: true }), isComplete };
    },
  },
  {
    name: 'keys revoke',
    audit: ['signing_key.revoked'],
    retryResult: rejectedCommand,
    optionalRows: ['+ signing_keys next'],
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { kid } = app.services.signingKeys.current();
      const { accessToken } = await logIn(user);
      const isComplete = () =>
        allTrue([
          not(() => isAccepted(app, accessToken)),
          async () => isAccepted(app, (await logIn(user)).accessToken),
          async () => app.services.signingKeys.current().kid !== kid,
        ]);
      return { run: () => runCommand(app, 'keys revoke', kid), isComplete };
    },
  },
  {
    name: 'keys rotate-data',
    audit: ['data_key.rotated'],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      return { run: () => runCommand(app, 'keys rotate-data', 'password'), isComplete: () => canLogIn(app, email) };
    },
  },
];
