/** `latchkey keys`: the keys that sign tokens, and the data keys. */
import type { ServiceCommand } from './command.ts';

/** The commands. */
export const keysCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'keys list',
    summary: 'List the signing keys, oldest first',
    arguments: [],
    options: {},
    run: async (_, { signingKeys }) => {
      const keys = await signingKeys.list();
      const text = keys.map(({ kid, algorithm, state }) => `${kid}  ${algorithm}  ${state}`).join('\n');
      return { exitCode: 0, text, data: keys.map(({ kid, algorithm, state }) => ({ kid, algorithm, state })) };
    },
  },
];
