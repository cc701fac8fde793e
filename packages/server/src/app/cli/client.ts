/** `latchkey client`: settings of the default client, the application of the deployment. */
import { clientsRefreshSeconds, defaultClientId, isOrigin } from '#domain/clients/index.ts';
import { changeOrigins } from '#flows/admin-clients/index.ts';
import type { Services } from '../wiring.ts';
import { operator } from './actor.ts';
import { type CommandInput, type CommandResult, isGiven, type ServiceCommand, textsOf, UsageError } from './command.ts';

const maxOrigins = 100;

export const clientCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'client origins',
    summary: 'List the origins whose pages can call the API with tokens (CORS) and be returned to after signing in',
    arguments: [],
    options: {},
    run: async (_, { clients }) => {
      await clients.refresh();
      const { origins } = await clients.byId(defaultClientId);
      return { exitCode: 0, text: origins.join('\n') || 'There are no origins.', data: [...origins] };
    },
  },
  {
    needs: 'services',
    name: 'client set-origins',
    summary: 'Replace the list of origins',
    arguments: [],
    options: {
      origin: { type: 'string', value: 'ORIGIN', description: 'Such as https://app.example.com', repeated: true },
      none: { type: 'boolean', description: 'Remove all origins' },
    },
    run: set,
  },
];

async function set(input: CommandInput, services: Services): Promise<CommandResult> {
  const origins = [...new Set(textsOf(input, 'origin'))];
  if (origins.length > 0 === isGiven(input, 'none'))
    throw new UsageError('Use either --origin, once or more, or --none.');
  if (origins.length > maxOrigins) throw new UsageError(`There can be at most ${maxOrigins} origins.`);
  const malformed = origins.find((origin) => !isOrigin(origin));
  if (malformed !== undefined) {
    throw new UsageError(`"${malformed}" is not an origin such as https://app.example.com, without a trailing slash.`);
  }
  await changeOrigins(services, operator, defaultClientId, origins);
  const done = origins.length === 0 ? 'Removed all origins.' : `Set the origins to ${origins.join(', ')}.`;
  return { exitCode: 0, text: `${done} All nodes apply this within ${clientsRefreshSeconds} s.`, data: { origins } };
}
