/** `latchkey admin`: the one-time links that set an owner up. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { emailInput, findHolderOfEmail } from '#domain/identifiers/index.ts';
import { createUser, findUser } from '#flows/admin-users/index.ts';
import { makeRecoveryLink, makeSetupLink, type SetupLink, setupPath } from '#flows/set-up-owner/index.ts';
import { preparePrivateDirectory } from '#platform/data-directory/index.ts';
import { OperatorError } from '../operator-error.ts';
import type { Services } from '../wiring.ts';
import { accept } from './accept.ts';
import { operator } from './actor.ts';
import type { CommandIo, CommandResult, ServiceCommand } from './command.ts';

const refusals: Readonly<Record<Extract<SetupLink, { kind: 'refused' }>['reason'], string>> = {
  owner: 'This user is an owner already. Use "latchkey admin recover" for a lost account.',
  has_password: 'This user has a password already. Use "latchkey user grant-role" to make an owner of the user.',
  no_owner: 'This user is not an owner. Use "latchkey admin create".',
  not_active: 'This user is disabled, is to be deleted, or has not confirmed the address.',
};

export const adminCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'admin create',
    summary: 'Make a one-time link with which a new owner sets up their account, valid for 24 hours',
    arguments: ['EMAIL'],
    options: {},
    run: async ({ arguments: [typed] }, services, io) => {
      const email = accept('EMAIL', emailInput, typed);
      const holder = await findHolderOfEmail(services.database, email.canonical);
      const userId = holder?.isProven ? holder.userId : await create(services, email);
      return show(await makeSetupLink(services, operator, userId), services, io);
    },
  },
  {
    needs: 'services',
    name: 'admin recover',
    summary: 'Make such a link for an owner who lost password or second factor, and mail all owners about it',
    arguments: ['EMAIL'],
    options: {},
    run: async ({ arguments: [typed] }, services, io) => {
      const email = accept('EMAIL', emailInput, typed);
      const userId = await findUser(services, email.asTyped);
      if (userId === undefined) throw new OperatorError(`There is no user with the address "${email.asTyped}".`, 1);
      return show(await makeRecoveryLink(services, operator, userId), services, io);
    },
  },
];

/** The account has no password and no role before the link is used. An unproven registration of the address ends. */
async function create(services: Services, email: { readonly asTyped: string; readonly canonical: string }) {
  const created = await createUser(services, operator, {
    email,
    name: '',
    locale: 'en',
    roles: [],
    password: undefined,
  });
  return created.kind === 'created' ? created.userId : created.holderId;
}

/** Without a terminal the output may be a log, so that the link is in a file that only the process's user can read. */
async function show(link: SetupLink, { config }: Services, io: CommandIo): Promise<CommandResult> {
  if (link.kind === 'refused') throw new OperatorError(refusals[link.reason], 1);
  const url = new URL(setupPath, config.http.publicUrl);
  url.searchParams.set('token', link.token);
  const until = link.expiresAt.toISOString();
  if (io.isTerminal) {
    const text = `Open this link within 24 hours. It works once.\n\n${url.href}`;
    return { exitCode: 0, text, data: { link: url.href, expiresAt: until } };
  }
  const file = join(await preparePrivateDirectory(config.dataDirectory), 'setup-link');
  // A file that exists would keep its mode.
  await rm(file, { force: true });
  await writeFile(file, `${url.href}\n`, { mode: 0o600, flag: 'wx' });
  const text = `The link is in ${file}. It works once, until ${until}. Delete the file afterwards.`;
  return { exitCode: 0, text, data: { file, expiresAt: until } };
}
