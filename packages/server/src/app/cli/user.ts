/** `latchkey user`: the people, for the operator. */
import type { ServiceCommand } from './command.ts';

/** The commands. */
export const userCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'user list',
    summary: 'List the users, oldest first',
    arguments: [],
    options: {},
    run: async (_, { users }) => {
      const page = await users.list(100);
      const text = page.map(({ id, status, email }) => `${id}  ${status}  ${email ?? '(no address)'}`).join('\n');
      return { exitCode: 0, text, data: page.map(({ id, status, email }) => ({ id, status, email })) };
    },
  },
];
