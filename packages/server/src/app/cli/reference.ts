/** Generates `docs/reference/commands.md` from the commands. */
import type { Command } from './command.ts';
import { helpText } from './help.ts';

const executions: Readonly<Record<Command['needs'], string>> = {
  process: 'Runs until SIGTERM or SIGINT.',
  services:
    'With a running server on the embedded database, runs in the server. Otherwise connects to the database by itself.',
  database:
    'With a running server on the embedded database, runs in the server. Otherwise opens the database by itself, in any state of schema and keys.',
  config: 'Reads the configuration only.',
};

/** A test compares the result with the committed page. */
export function commandsPage(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${summary} |`);
  const sections = commands.map((command) => sectionOf(commands, command));
  const table = ['| command | what it does |', '|---|---|', ...rows].join('\n');
  return `${[intro, table, ...sections].join('\n\n')}\n`;
}

function sectionOf(commands: readonly Command[], command: Command): string {
  const help = helpText(commands, command, '').trimEnd();
  return `## ${command.name}\n\n${executions[command.needs]}\n\n\`\`\`text\n${help}\n\`\`\``;
}

const intro = `# Commands

Generated from the code by \`npm run generate\`; do not edit.

\`latchkey\` stands for \`node bin/latchkey.cjs\`.

With \`--json\` a command prints its result as one JSON document on standard output. Errors go to standard error; with
\`--json\` also to standard output, as \`{"error": "…"}\`. The exit code is the same.

| code | meaning |
|---|---|
| 0 | success; for \`doctor\`: no check failed, but there may be warnings |
| 1 | failure |
| 2 | wrong usage |
| 78 | invalid configuration; each mistake is on a line of its own |`;
