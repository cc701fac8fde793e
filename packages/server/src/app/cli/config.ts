/** `latchkey config`: whether the settings can be used, and which of them hold. */
import { type Config, describeConfig } from '#config/index.ts';
import type { LocalCommand } from './command.ts';

/** The commands. A configuration that cannot be used never gets this far: reading it says every mistake and ends with 78. */
export const configCommands: readonly LocalCommand[] = [
  {
    needs: 'config',
    name: 'config check',
    summary: 'Check every setting and say every mistake',
    arguments: [],
    options: {},
    run: async (_, config) => ({
      exitCode: 0,
      text: `The configuration can be used (${config.mode}, ${databaseOf(config)}).`,
      data: { mode: config.mode, database: config.database.kind },
    }),
  },
  {
    needs: 'config',
    name: 'config print',
    summary: 'Show the settings that hold; secrets as "(set)"',
    arguments: [],
    options: {},
    run: async (_, config) => {
      const settings = describeConfig(config);
      const width = Math.max(...settings.map(({ name }) => name.length));
      const lines = settings.map(({ name, value }) => `${name.padEnd(width)}  ${value}`);
      return { exitCode: 0, text: lines.join('\n'), data: settings.map((setting) => ({ ...setting })) };
    },
  },
];

function databaseOf({ database }: Config): string {
  return database.kind === 'embedded' ? 'embedded database' : 'PostgreSQL';
}
