/** `latchkey config`: checks and prints the configuration. */
import { type Config, describeConfig } from '#config/index.ts';
import type { LocalCommand } from './command.ts';

/** These commands run only with a valid configuration: loading an invalid one prints all mistakes and exits with 78. */
export const configCommands: readonly LocalCommand[] = [
  {
    needs: 'config',
    name: 'config check',
    summary: 'Check all settings and report all mistakes',
    arguments: [],
    options: {},
    run: async (_, config) => ({
      exitCode: 0,
      text: [...config.warnings, `The configuration is valid (${config.mode}, ${databaseOf(config)}).`].join('\n'),
      data: { mode: config.mode, database: config.database.kind, warnings: [...config.warnings] },
    }),
  },
  {
    needs: 'config',
    name: 'config print',
    summary: 'Show the effective settings, and secrets as "(set)"',
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
