/** Renders the configuration for operators: the reference page of all settings, and the effective values. */
import type { Config } from './config.ts';
import { configFileName } from './gather.ts';
import type { Setting } from './schema.ts';
import { settings } from './schema.ts';

/** A line of `latchkey config print`. */
export interface DescribedSetting {
  /** The environment variable. */
  readonly name: string;
  /** The key in `latchkey.config.json`. */
  readonly key: string;
  /** `(set)` or `(not set)` for a secret. */
  readonly value: string;
}

/** The effective values, in the order of the schema. */
export function describeConfig(config: Config): DescribedSetting[] {
  return settings.map((setting) => ({ name: setting.env, key: setting.key, value: describeValue(setting, config) }));
}

function describeValue(setting: Setting, config: Config): string {
  let value: unknown = config;

  for (const name of (setting.field ?? setting.key).split('.'))
    value = (value as Record<string, unknown> | undefined)?.[name];
  if (value === undefined) return '(not set)';
  if (setting.secret) return '(set)';
  return setting.show(value);
}

/** The content of `docs/reference/configuration.md`; deterministic. */
export function configurationPage(): string {
  return `${[intro, ...groups().map(groupSection), providersText].join('\n\n')}\n`;
}

const intro = `# Configuration

<!-- Generated from packages/server/src/config/schema.ts by "npm run generate"; do not edit. -->

Set each setting by an environment variable or in the optional file \`${configFileName}\` in the working directory; the
key \`http.port\` is \`{ "http": { "port": 5625 } }\` there. The environment takes precedence. In
development, \`.env\` in the working directory adds to the environment. An empty variable counts as not set.

* A secret can also come from a file: set \`LATCHKEY_KEK_FILE=/run/secrets/kek\` instead of \`LATCHKEY_KEK\`. One line break
  at the end of the file is ignored.
* A secret can be a reference: \`file:/path\`, \`env:NAME\`, \`vault:mount/path#field\`, \`aws-sm:name#field\` or \`gcp-sm:name\`. See
  [secrets](../guides/secrets.md).
* Lists are separated by commas in the environment and are JSON arrays in the file.
* Switches are \`1\` or \`0\` in the environment and \`true\` or \`false\` in the file.

\`latchkey config check\` reports all mistakes at once and exits with 78.
\`latchkey config print\` shows the effective values, and secrets as \`(set)\`.`;

const providersText = `## Identity providers

The section \`providers\` of the file has the identity providers that people can sign in with, by name. It has no environment
variables. It is applied when the server starts: what leaves the section is removed, and providers that were added by
\`latchkey provider add\` stay. Without the section nothing happens.

\`\`\`json
{
  "providers": {
    "google": { "preset": "google", "clientId": "42.apps.googleusercontent.com", "clientSecretFile": "/run/secrets/google" },
    "acme": { "preset": "oidc", "name": "Acme", "issuer": "https://idp.acme.example", "clientId": "latchkey", "clientSecretFile": "/run/secrets/acme" }
  }
}
\`\`\`

| member | |
|---|---|
| \`preset\`, \`clientId\` | required |
| \`clientSecret\` or \`clientSecretFile\` | the secret, or the path of a file with it; for Apple the content of the \`.p8\` file |
| \`name\` | the name that people read; that of the preset by default |
| \`issuer\` | for \`oidc\`, and for a GitLab of your own |
| \`emailDomains\` | for \`oidc\`: the domains whose verified emails need no confirmation here |
| \`allowPrivate\` | \`true\` for a provider in your own network |
| \`scopes\` | replaces the scopes of the preset |
| \`trustsTwoFactors\` | \`true\`: two factors there count as two here |
| \`nativeClientIds\` | client IDs of native applications whose ID tokens are accepted |
| \`responseMode\`, \`clientAuthentication\` | \`query\` or \`form_post\`; \`basic\` or \`post\` |
| \`tenants\` | for \`microsoft\` |
| \`apple\` | for \`apple\`: \`teamId\` and \`keyId\` |
| \`endpoints\`, \`members\` | for \`oauth2\`: \`authorization\`, \`token\` and \`profile\`; \`subject\`, \`email\` and \`name\` as paths in the profile |

[Identity providers](../guides/identity-providers.md) describes each preset.`;

const titles: Readonly<Record<string, string>> = {
  '': 'General',
  brand: 'Name and look',
  http: 'HTTP',
  ops: "Operator's listener",
  database: 'Database',
  mail: 'Mail',
  limits: 'Rate limits',
  keys: 'Keys',
  passwords: 'Passwords',
  emailDomains: 'Email domains',
  emailChange: 'Changing email addresses',
  registrationHook: 'Registration hook',
  wellKnown: 'Well-known documents',
  loginByMail: 'Logging in by email',
  passkeys: 'Passkeys',
  deletion: 'Deleting accounts',
  jobs: 'Jobs',
  log: 'Logs',
  traces: 'Traces',
  errorReports: 'Error reports',
  profiles: 'Continuous profiling',
  secretStores: 'Secret stores',
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
  if (secret) lines.push(`* Secret: also \`${env}_FILE\`, or a reference`);
  return lines.join('\n');
}
