/** The reference page `docs/reference/revocation-matrix.md`, made from the table in `domain/users`. */
import {
  type Credential,
  credentials,
  type Effect,
  effects,
  type Outcome,
  outcomes,
  revocationMatrix,
} from '#domain/users/index.ts';

const intro = `# What ends what

Generated from the code by \`npm run generate\`; do not edit.

Each row is something that happens to a user, each column something they have. Nothing of anybody else ends with it.
The user has an epoch. Whatever raises it ends all that was made in an earlier one, by comparison: there is no list that
could miss something. On the node that did it that holds at once, on every other within a second.
Everything here also ends by its own expiry, and whatever works once ends by being used.

There are no API keys yet. Recovery and undo will suspend them; a change of password will leave them.`;

/** The same text for the same table. */
export function revocationMatrixPage(): string {
  const columns = Object.keys(credentials) as Credential[];
  const head = ['| |', ...columns.map((thing) => ` ${words(thing)} |`)].join('');
  const rule = `|${'---|'.repeat(columns.length + 1)}`;
  const rows = (Object.keys(effects) as Effect[]).map((effect) => rowOf(effect, columns));
  return `${intro}\n\n${[head, rule, ...rows].join('\n')}\n\n${[
    definitions('Effects', effects),
    definitions('Things', credentials),
    definitions('What becomes of them', outcomes),
  ].join('\n\n')}\n`;
}

function rowOf(effect: Effect, columns: readonly Credential[]): string {
  const cells = columns.map((thing) => ` ${shown(revocationMatrix[effect][thing])} |`);
  return `| **${words(effect)}** |${cells.join('')}`;
}

function shown(fate: Outcome): string {
  return fate === 'absent' ? '–' : words(fate);
}

function definitions(title: string, of: Readonly<Record<string, string>>): string {
  const rows = Object.entries(of).map(([name, meaning]) => `| ${name === 'absent' ? '–' : words(name)} | ${meaning} |`);
  return [`## ${title}`, '', '| | |', '|---|---|', ...rows].join('\n');
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}
