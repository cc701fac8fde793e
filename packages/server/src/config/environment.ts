/** Merges the environment with `.env`, and reports names that are no settings. */
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { nearest } from './nearest.ts';
import { settings } from './schema.ts';
import type { Given, Sources } from './sources.ts';

/** An optional file in the working directory, for development. */
const dotenvName = '.env';

export interface Environment {
  /** The variables that are set, by name. */
  readonly variables: ReadonlyMap<string, Given & { readonly value: string }>;
  readonly mistakes: readonly string[];
  /** Names under our prefix that are no settings. */
  readonly unknown: readonly string[];
  /** Names that look like settings and are ignored. */
  readonly warnings: readonly string[];
}

/** An empty variable counts as not set. */
export function readEnvironment(sources: Sources): Environment {
  const variables = new Map<string, Given & { readonly value: string }>();
  for (const [name, value] of Object.entries(sources.env)) if (value) variables.set(name, { value, name });
  const dotenv = readDotenv(sources);
  for (const [name, value] of Object.entries(dotenv.variables)) {
    const base = name.replace(/_FILE$/, '');
    // A secret in a file replaces one in .env, and the other way round.
    if (!value || sources.env[base] || sources.env[`${base}_FILE`]) continue;
    variables.set(name, { value, name: `${name} in ${dotenvName}` });
  }
  const found = [...variables.entries()].map(([name, { value }]) => examineName(name, value, variables));
  return {
    variables,
    mistakes: [...dotenv.mistakes, ...found.flatMap(({ mistake }) => mistake ?? [])],
    unknown: found.flatMap(({ unknown }) => unknown ?? []),
    warnings: [...dotenv.warnings, ...found.flatMap(({ warning }) => warning ?? [])],
  };
}

interface Dotenv {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

function readDotenv({ env, files, cwd }: Sources): Dotenv {
  const nothing = { variables: {}, mistakes: [], warnings: [] };
  const mode = env.NODE_ENV || 'development';
  if (mode !== 'development' && mode !== 'production') return nothing;
  const content = files(resolve(cwd, dotenvName));
  if (content.kind === 'absent') return nothing;
  if (mode === 'production') {
    const warning = `${dotenvName} in the working directory is not read in production. Set the variables in the environment.`;
    return { ...nothing, warnings: [warning] };
  }
  if (content.kind === 'unreadable')
    return { ...nothing, mistakes: [`${dotenvName} cannot be read (${content.reason}).`] };
  const { NODE_ENV: written, ...variables } = parseEnv(content.text);
  const isOther = written !== undefined && written !== '' && written !== mode;
  const mistake = `NODE_ENV in ${dotenvName} has no effect. Set it in the environment.`;
  return { ...nothing, variables, mistakes: isOther ? [mistake] : [] };
}

const known = settings.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));
const prefix = 'LATCHKEY_';

/**
 * Kubernetes sets these variables for each Service of the namespace, and a Service may be named `latchkey` or
 * `latchkey-postgresql`.
 */
const serviceLink = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const serviceUrl = /^(tcp|udp|sctp):\/\//;

function isServiceLink(name: string, value: string): boolean {
  return serviceLink.test(name) || (name.endsWith('_PORT') && serviceUrl.test(value));
}

interface Examined {
  readonly mistake?: string;
  readonly unknown?: string;
  readonly warning?: string;
}

function examineName(name: string, value: string, variables: Environment['variables']): Examined {
  if (known.includes(name) || isServiceLink(name, value)) return {};
  const base = name.replace(/_FILE$/, '');
  if (name.startsWith(prefix)) return { unknown: describeUnknown(name, base) };
  const meant = meantBy(name);
  // A platform may set its own names beside the right one.
  if (meant === undefined || variables.has(meant) || variables.has(`${meant}_FILE`)) return {};
  return { warning: `${name} is not a setting and has no effect. Did you mean ${meant}?` };
}

function describeUnknown(name: string, base: string): string {
  if (known.includes(base)) return `${name} is not a setting, because ${base} is not a secret. Set ${base} instead.`;
  const meant = otherForm(name.slice(prefix.length)) ?? nearest(name, known);
  return `${name} is not a setting.${meant === undefined ? '' : ` Did you mean ${meant}?`}`;
}

/** Names of other products, and of platforms. */
const otherNames: readonly (readonly [pattern: RegExp, setting: string])[] = [
  [/^(DB|DATABASE|PG|POSTGRES(QL)?)_?(URL|URI|DSN|HOST)$/, 'DATABASE_URL'],
  [/^(SMTP|MAIL|EMAIL)_(FROM|SENDER)(_ADDRESS|_EMAIL)?$/, 'LATCHKEY_MAIL_FROM'],
  [/^(SMTP|MAIL|EMAIL)_(URL|URI|HOST|SERVER|PORT|USER(NAME)?|PASS(WORD)?)$/, 'SMTP_URL'],
  [/^REDIS_(URI|HOST|PORT|PASSWORD)$/, 'REDIS_URL'],
];

/** The setting that a name without the prefix stands for. */
function otherForm(name: string): string | undefined {
  if (known.includes(name)) return name;
  return otherNames.find(([pattern]) => pattern.test(name))?.[1];
}

/** A missing prefix or a typing error of at most two characters counts too. */
function meantBy(name: string): string | undefined {
  const other = otherForm(name);
  if (other !== undefined) return other;
  if (known.includes(`${prefix}${name}`)) return `${prefix}${name}`;
  const unprefixed = known.filter((each) => !each.startsWith(prefix));
  return name.length < 7 ? undefined : nearest(name, unprefixed, 2);
}
