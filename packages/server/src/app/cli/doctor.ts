/** `latchkey doctor`: what is wrong, and how to mend it. */
import { schemaState } from '#platform/database/index.ts';
import type { ServiceCommand } from './command.ts';

export const doctorCommand: ServiceCommand = {
  needs: 'services',
  name: 'doctor',
  summary: 'Examine this deployment and say how to mend what is wrong',
  arguments: [],
  options: {},
  run: async (_, { database }) => {
    const schema = await schemaState(database);
    return { exitCode: 0, text: `The database answers; its schema is ${schema}.`, data: { schema } };
  },
};
