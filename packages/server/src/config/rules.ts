/** Rules between settings: what production refuses, and what contradicts itself. Each answers one sentence. */
import type { Settings } from './schema.ts';
import { isLoopback } from './values.ts';

/** One rule. It is not asked when one of its settings is already known to be wrong. */
interface Rule {
  /** Keys of the settings that it reads. */
  readonly about: readonly string[];
  /** The mistake, or undefined. */
  readonly find: (settings: Settings) => string | undefined;
}

/** The mistakes between settings that are well-formed each by itself. */
export function findContradictions(settings: Settings, broken: ReadonlySet<string>): string[] {
  const asked = rules.filter((rule) => !rule.about.some((key) => broken.has(key)));
  return asked.map((rule) => rule.find(settings)).filter((mistake) => mistake !== undefined);
}

const productionRules: readonly Rule[] = [
  {
    about: ['mode', 'mail.smtpUrl'],
    find: ({ mode, mail }) =>
      mode === 'production' && mail.smtpUrl === undefined
        ? 'SMTP_URL must be set in production: the built-in inbox delivers nothing.'
        : undefined,
  },
  {
    about: ['mode', 'keys.kek'],
    find: ({ mode, keys }) =>
      mode === 'production' && keys.kek === undefined
        ? 'LATCHKEY_KEK_FILE (or LATCHKEY_KEK) must be set in production, to 32 bytes in base64 that you keep apart from the database; "openssl rand -base64 32" makes them.'
        : undefined,
  },
  {
    about: ['mode', 'http.publicUrl'],
    find: ({ mode, http }) =>
      mode === 'production' && !http.publicUrl?.toLowerCase().startsWith('https:')
        ? 'LATCHKEY_PUBLIC_URL must be set to an https origin in production, such as https://auth.example.com.'
        : undefined,
  },
  {
    about: ['mode', 'database.kind', 'database.url'],
    find: ({ mode, database }) =>
      mode === 'production' && database.url === undefined && database.kind === undefined
        ? 'DATABASE_URL must be set in production; or set LATCHKEY_DATABASE=embedded, knowing that the embedded database survives the death of the process but not of the machine.'
        : undefined,
  },
  {
    about: ['mode', 'passwords.argon2.memoryKib', 'passwords.argon2.passes'],
    find: ({ mode, passwords: { argon2 } }) => {
      const floor = argon2FloorKib(argon2.passes);
      return mode === 'production' && argon2.memoryKib < floor
        ? `LATCHKEY_ARGON2_MEMORY_KIB must be at least ${floor} in production with LATCHKEY_ARGON2_TIME=${argon2.passes}; it is ${argon2.memoryKib}.`
        : undefined;
    },
  },
];

/** Pairs of equal strength from OWASP's Password Storage Cheat Sheet, "Argon2id". */
function argon2FloorKib(passes: number): number {
  return [47_104, 19_456, 12_288, 9216][passes - 1] ?? 7168;
}

const listenerRules: readonly Rule[] = [
  {
    about: ['mode', 'http.hosts', 'http.allowRemoteDevelopment'],
    find: ({ mode, http }) => remoteDevelopment(mode, http.allowRemoteDevelopment, 'LATCHKEY_HOST', http.hosts),
  },
  {
    about: ['mode', 'ops.host', 'http.allowRemoteDevelopment'],
    find: ({ mode, http, ops }) =>
      remoteDevelopment(
        mode,
        http.allowRemoteDevelopment,
        'LATCHKEY_OPS_HOST',
        ops.host === undefined ? [] : [ops.host],
      ),
  },
  {
    about: ['http.port', 'ops.port'],
    find: ({ http, ops }) =>
      http.port !== 0 && http.port === ops.port
        ? `LATCHKEY_PORT and LATCHKEY_OPS_PORT must differ; both are ${http.port}.`
        : undefined,
  },
  {
    about: ['http.port', 'http.publicUrl'],
    find: ({ http }) =>
      http.port === 0 && http.publicUrl === undefined
        ? 'LATCHKEY_PUBLIC_URL must be set when LATCHKEY_PORT is 0.'
        : undefined,
  },
];

function remoteDevelopment(mode: string, allowed: boolean, name: string, hosts: readonly string[]): string | undefined {
  const remote = hosts.find((host) => !isLoopback(host));
  if (mode === 'production' || allowed || remote === undefined) return undefined;
  return `${name} is ${remote}, which other machines can reach, and this is not production: set NODE_ENV=production, or LATCHKEY_ALLOW_REMOTE_DEV=1 if you mean it.`;
}

const databaseRules: readonly Rule[] = [
  {
    about: ['database.kind', 'database.url'],
    find: ({ database }) =>
      database.kind === 'embedded' && database.url !== undefined
        ? 'LATCHKEY_DATABASE=embedded and DATABASE_URL contradict each other; remove one.'
        : undefined,
  },
  {
    about: ['database.url', 'database.directUrl'],
    find: ({ database }) => withoutUrl(database, 'DATABASE_DIRECT_URL', database.directUrl),
  },
  {
    about: ['database.url', 'database.adminUrl'],
    find: ({ database }) => withoutUrl(database, 'DATABASE_ADMIN_URL', database.adminUrl),
  },
  {
    about: ['database.pooler', 'database.directUrl'],
    find: ({ database }) =>
      database.pooler === 'transaction' && database.directUrl === undefined
        ? 'DATABASE_POOLER=transaction needs DATABASE_DIRECT_URL: migrations and locks cannot go through the pooler.'
        : undefined,
  },
  {
    about: ['database.poolMin', 'database.poolMax'],
    find: ({ database }) =>
      (database.poolMin ?? 0) > database.poolMax
        ? `DATABASE_POOL_MIN must not exceed DATABASE_POOL_MAX; they are ${database.poolMin} and ${database.poolMax}.`
        : undefined,
  },
];

function withoutUrl(database: Settings['database'], name: string, value: string | undefined): string | undefined {
  if (value === undefined || database.url !== undefined) return undefined;
  return `${name} has no effect without DATABASE_URL; set both or neither.`;
}

const passwordRules: readonly Rule[] = [
  {
    about: ['passwords.argon2.memoryKib', 'passwords.argon2.parallelism'],
    // RFC 9106 §3.1: memory is at least eight blocks a lane.
    find: ({ passwords: { argon2 } }) =>
      argon2.memoryKib < 8 * argon2.parallelism
        ? `LATCHKEY_ARGON2_MEMORY_KIB must be at least 8 times LATCHKEY_ARGON2_PARALLELISM; they are ${argon2.memoryKib} and ${argon2.parallelism}.`
        : undefined,
  },
];

const hookUrl = 'LATCHKEY_REGISTRATION_HOOK_URL';

const registrationHookRules: readonly Rule[] = [
  {
    about: ['registrationHook.url', 'registrationHook.secret'],
    find: ({ registrationHook: { url, secret } }) =>
      (url === undefined) === (secret === undefined)
        ? undefined
        : `${hookUrl} and LATCHKEY_REGISTRATION_HOOK_SECRET need each other; set both or neither.`,
  },
  {
    about: ['mode', 'registrationHook.url', 'registrationHook.allowPrivate'],
    find: ({ mode, registrationHook }) => plainService(mode, 'LATCHKEY_REGISTRATION_HOOK', registrationHook),
  },
];

const breachServiceRules: readonly Rule[] = [
  {
    about: ['mode', 'passwords.breachService.url', 'passwords.breachService.allowPrivate'],
    find: ({ mode, passwords }) => plainService(mode, 'LATCHKEY_PASSWORD_BREACH', passwords.breachService),
  },
];

/** A URL without TLS leads to this machine only, in development only, and only when somebody says so. */
function plainService(
  mode: string,
  prefix: string,
  { url, allowPrivate }: { readonly url?: string | undefined; readonly allowPrivate: boolean },
): string | undefined {
  if (url === undefined || new URL(url).protocol === 'https:') return undefined;
  if (mode === 'production') return `${prefix}_URL must be an https URL in production.`;
  return allowPrivate
    ? undefined
    : `${prefix}_URL leads to this machine; set ${prefix}_ALLOW_PRIVATE=1 if you mean it.`;
}

const testRules: readonly Rule[] = [
  {
    about: ['mode', 'faultPoint'],
    find: ({ mode, faultPoint }) =>
      mode !== 'test' && faultPoint !== undefined
        ? 'LATCHKEY_FAULT_POINT kills the process; it is accepted with NODE_ENV=test only.'
        : undefined,
  },
];

const rules: readonly Rule[] = [
  ...productionRules,
  ...listenerRules,
  ...databaseRules,
  ...passwordRules,
  ...registrationHookRules,
  ...breachServiceRules,
  ...testRules,
];
