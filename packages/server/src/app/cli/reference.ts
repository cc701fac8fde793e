/** The reference page of the command line, `docs/reference/commands.md`, made from the commands. */
import type { Command } from './command.ts';
import { helpText } from './help.ts';

const places: Readonly<Record<Command['needs'], string>> = {
  process: 'Runs until SIGTERM or SIGINT.',
  services:
    'Runs in the serving process when that holds the embedded database, else by itself on the same database as the servers.',
  database:
    'Runs in the serving process when that holds the embedded database, else by itself, whatever state schema and keys are in.',
  config: 'Reads the configuration only.',
};

/** The same text for the same commands. */
export function commandsPage(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${summary} |`);
  const sections = commands.map((command) => sectionOf(commands, command));
  const table = ['| command | what it does |', '|---|---|', ...rows].join('\n');
  return `${[intro, table, ...sections].join('\n\n')}\n`;
}

function sectionOf(commands: readonly Command[], command: Command): string {
  const help = helpText(commands, command, '').trimEnd();
  return `## ${command.name}\n\n${places[command.needs]}\n\n\`\`\`text\n${help}\n\`\`\``;
}

const intro = `# Commands

Generated from the code by \`npm run generate\`; do not edit.

\`latchkey\` stands for \`node bin/latchkey.cjs\`.

With \`--json\` a command answers one JSON document on standard output. A failure is one sentence on standard error; with
\`--json\` also \`{"error": "…"}\` on standard output, under the same exit code.

| code | meaning |
|---|---|
| 0 | done; for \`doctor\`: nothing fails, there may be warnings |
| 1 | failed |
| 2 | wrong usage |
| 78 | wrong configuration: every mistake, one a line |`;
