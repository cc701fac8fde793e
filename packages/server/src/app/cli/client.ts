/** `latchkey client`: the applications that log people in, for the operator. */
import { clientsRefreshSeconds, defaultClientId, isOrigin } from '#domain/clients/index.ts';
import { changeOrigins } from '#flows/admin-clients/index.ts';
import type { Services } from '../wiring.ts';
import { operator } from './actor.ts';
import { type CommandInput, type CommandResult, isGiven, type ServiceCommand, textsOf, UsageError } from './command.ts';

const maxOrigins = 100;

/** The commands. */
export const clientCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'client origins',
    summary: 'List the origins whose pages may ask the API by tokens (CORS)',
    arguments: [],
    options: {},
    run: async (_, { clients }) => {
      await clients.refresh();
      const { origins } = clients.byId(defaultClientId);
      return { exitCode: 0, text: origins.join('\n') || 'There are none.', data: [...origins] };
    },
  },
  {
    needs: 'services',
    name: 'client set-origins',
    summary: 'List these origins and no others',
    arguments: [],
    options: {
      origin: { type: 'string', value: 'ORIGIN', description: 'Such as https://app.example.com', repeated: true },
      none: { type: 'boolean', description: 'No page of another origin may ask' },
    },
    run: set,
  },
];

async function set(input: CommandInput, services: Services): Promise<CommandResult> {
  const origins = [...new Set(textsOf(input, 'origin'))];
  if (origins.length > 0 === isGiven(input, 'none')) throw new UsageError('Give --origin, once or more, or --none.');
  if (origins.length > maxOrigins) throw new UsageError(`At most ${maxOrigins} origins can be listed.`);
  const wrong = origins.find((origin) => !isOrigin(origin));
  if (wrong !== undefined) {
    throw new UsageError(
      `"${wrong}" is no origin as browsers write it, such as https://app.example.com, without a slash.`,
    );
  }
  await changeOrigins(services, operator, defaultClientId, origins);
  const listed = origins.length === 0 ? 'No origin is listed' : `Listed ${origins.join(', ')}`;
  return { exitCode: 0, text: `${listed}; every node knows it within ${clientsRefreshSeconds} s.`, data: { origins } };
}
