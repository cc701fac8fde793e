/** Says the configuration to people: the reference page of all settings, and the values that hold now. */
import type { Config } from './config.ts';
import { configFileName } from './gather.ts';
import type { Setting } from './schema.ts';
import { notYetSupported, settings } from './schema.ts';

/** One line of `latchkey config print`. */
export interface DescribedSetting {
  /** The environment variable. */
  readonly name: string;
  /** The key in the file. */
  readonly key: string;
  /** `(set)` for a secret. */
  readonly value: string;
}

/** The values that hold, in the order of the schema; secrets only as `(set)` or `(not set)`. */
export function describeConfig(config: Config): DescribedSetting[] {
  return settings.map((setting) => ({ name: setting.env, key: setting.key, value: describeValue(setting, config) }));
}

function describeValue(setting: Setting, config: Config): string {
  let value: unknown = config;

  for (const name of setting.path) value = (value as Record<string, unknown> | undefined)?.[name];
  if (value === undefined) return '(not set)';
  if (setting.secret) return '(set)';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The reference page, `docs/reference/configuration.md`; the same text for the same schema. */
export function configurationPage(): string {
  return `${[intro, ...groups().map(groupSection), notYetSection].join('\n\n')}\n`;
}

const intro = `# Configuration

<!-- Generated from packages/server/src/config/schema.ts by "npm run generate"; do not edit. -->

Every setting is an environment variable, and a key of the optional file \`${configFileName}\` in the working directory
(\`http.port\` is \`{ "http": { "port": 3000 } }\`). The environment wins; an empty variable counts as not set.
A secret's value can also stand in a file that the variable with \`_FILE\` at its end names; one line break at the end of
that file is ignored.
In the environment lists are separated by commas and yes or no is \`1\` or \`0\`; in the file they are JSON arrays and
\`true\` or \`false\`.

All mistakes are reported at once, with exit code 78: \`latchkey config check\`.
\`latchkey config print\` shows what holds, secrets as \`(set)\`.`;

const notYetSection = `## Reserved

${notYetSupported.map((name) => `\`${name}\``).join(' and ')} stays reserved and is refused: nothing uses it yet.`;

const titles: Readonly<Record<string, string>> = {
  '': 'General',
  http: 'HTTP',
  ops: "Operator's listener",
  database: 'Database',
  mail: 'Mail',
  limits: 'Rate limits',
  keys: 'Keys',
  passwords: 'Passwords',
  emailDomains: 'E-mail domains',
  emailChange: 'Changing e-mail addresses',
  registrationHook: 'Registration hook',
  wellKnown: 'Well-known addresses',
  loginByMail: 'Logging in by mail',
  deletion: 'Deleting accounts',
  jobs: 'Jobs',
  log: 'Logs',
};

function groups(): [string, Setting[]][] {
  return Object.keys(titles).map((group) => [group, settings.filter((setting) => groupOf(setting) === group)]);
}

function groupOf({ path }: Setting): string {
  return path.length > 1 ? (path[0] ?? '') : '';
}

function groupSection([group, members]: [string, Setting[]]): string {
  return [`## ${titles[group]}`, ...members.map(settingSection)].join('\n\n');
}

function settingSection({ env, key, secret, expected, fallback, doc }: Setting): string {
  const lines = [
    `### \`${env}\``,
    '',
    doc,
    '',
    `* Value: ${expected}`,
    `* Default: ${fallback === '' ? 'none' : /[`\s]/.test(fallback) ? fallback : `\`${fallback}\``}`,
    key === 'mode' ? '* In the file: no' : `* In the file: \`${key}\``,
  ];
  if (secret) lines.push(`* Secret: also \`${env}_FILE\``);
  return lines.join('\n');
}
