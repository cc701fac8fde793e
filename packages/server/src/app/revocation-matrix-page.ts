/** Generates `docs/reference/revocation-matrix.md` from the table in `domain/users`. */
import {
  type Credential,
  credentials,
  type Effect,
  effects,
  type Outcome,
  outcomes,
  revocationMatrix,
} from '#domain/users/index.ts';

const intro = `# Revocation matrix

Generated from the code by \`npm run generate\`; do not edit.

Each row is an effect on a user, each column a kind of credential of that user. Credentials of other users are never
affected.
A user has an epoch, and each credential carries the epoch in which it was issued. An effect that raises the epoch makes
all earlier credentials invalid by comparison, so none can be missed. That applies immediately on the node that executed
the effect, and within one second on the others.
Each credential also expires, and a single-use credential is consumed by its use.

There are no API keys yet. Recovery and undo will suspend them; a change of password will keep them.`;

/** A test compares the result with the committed page. */
export function revocationMatrixPage(): string {
  const columns = Object.keys(credentials) as Credential[];
  const head = ['| |', ...columns.map((credential) => ` ${words(credential)} |`)].join('');
  const rule = `|${'---|'.repeat(columns.length + 1)}`;
  const rows = (Object.keys(effects) as Effect[]).map((effect) => rowOf(effect, columns));
  return `${intro}\n\n${[head, rule, ...rows].join('\n')}\n\n${[
    definitions('Effects', effects),
    definitions('Credentials', credentials),
    definitions('Outcomes', outcomes),
  ].join('\n\n')}\n`;
}

function rowOf(effect: Effect, columns: readonly Credential[]): string {
  const cells = columns.map((credential) => ` ${shown(revocationMatrix[effect][credential])} |`);
  return `| **${words(effect)}** |${cells.join('')}`;
}

function shown(outcome: Outcome): string {
  return outcome === 'absent' ? '–' : words(outcome);
}

function definitions(title: string, of: Readonly<Record<string, string>>): string {
  const rows = Object.entries(of).map(([name, meaning]) => `| ${name === 'absent' ? '–' : words(name)} | ${meaning} |`);
  return [`## ${title}`, '', '| | |', '|---|---|', ...rows].join('\n');
}

function words(name: string): string {
  return name.replaceAll('_', ' ');
}
