/** Rules between settings: requirements of production, and contradictions. Each returns one sentence. */
import { isBelowDomain } from '#protocol/cookie-domain/index.ts';
import { type DestinationRefusal, readDestination } from '#protocol/outbound-url/index.ts';
import { coversHost } from '#protocol/passkey-origin/index.ts';
import type { Settings } from './schema.ts';
import { isLoopback } from './values.ts';

/** A rule is skipped when one of its settings is invalid by itself. */
interface Rule {
  /** Keys of the settings that `check` reads. */
  readonly reads: readonly string[];
  /** Returns the mistake, or undefined. */
  readonly check: (settings: Settings) => string | undefined;
}

/** Checks the rules whose settings are all valid; `invalid` has the keys of the others. */
export function findContradictions(settings: Settings, invalid: ReadonlySet<string>): string[] {
  const applicable = rules.filter((rule) => !rule.reads.some((key) => invalid.has(key)));
  return applicable.map((rule) => rule.check(settings)).filter((mistake) => mistake !== undefined);
}

const productionRules: readonly Rule[] = [
  {
    reads: ['mode', 'mail.smtpUrl'],
    check: ({ mode, mail }) =>
      mode === 'production' && mail.smtpUrl === undefined
        ? 'SMTP_URL must be set in production, because the built-in inbox does not deliver emails.'
        : undefined,
  },
  {
    reads: ['mode', 'keys.kek'],
    check: ({ mode, keys }) =>
      mode === 'production' && keys.kek === undefined
        ? 'LATCHKEY_KEK_FILE (or LATCHKEY_KEK) must be set in production, to 32 bytes in base64. Run "openssl rand -base64 32" and keep the key apart from the database.'
        : undefined,
  },
  {
    reads: ['mode', 'http.publicUrl'],
    check: ({ mode, http }) =>
      mode === 'production' && !http.publicUrl?.toLowerCase().startsWith('https:')
        ? 'LATCHKEY_PUBLIC_URL must be set to an https origin in production, such as https://auth.example.com.'
        : undefined,
  },
  {
    reads: ['mode', 'database.kind', 'database.url'],
    check: ({ mode, database }) =>
      mode === 'production' && database.url === undefined && database.kind === undefined
        ? 'DATABASE_URL must be set in production. Or set LATCHKEY_DATABASE=embedded to accept that the embedded database may lose data when the machine crashes.'
        : undefined,
  },
  {
    reads: ['mode', 'passwords.argon2.memoryKib', 'passwords.argon2.passes'],
    check: ({ mode, passwords: { argon2 } }) => {
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
    reads: ['mode', 'http.hosts', 'http.allowRemoteDevelopment'],
    check: ({ mode, http }) => remoteDevelopment(mode, http.allowRemoteDevelopment, 'LATCHKEY_HOST', http.hosts),
  },
  {
    reads: ['mode', 'ops.host', 'http.allowRemoteDevelopment'],
    check: ({ mode, http, ops }) =>
      remoteDevelopment(
        mode,
        http.allowRemoteDevelopment,
        'LATCHKEY_OPS_HOST',
        ops.host === undefined ? [] : [ops.host],
      ),
  },
  {
    reads: ['http.port', 'ops.port'],
    check: ({ http, ops }) =>
      http.port !== 0 && http.port === ops.port
        ? `LATCHKEY_PORT and LATCHKEY_OPS_PORT must differ; both are ${http.port}.`
        : undefined,
  },
  {
    reads: ['http.publicUrl', 'http.cookieDomain'],
    check: ({ http }) => cookieDomainRule(http.publicUrl, http.cookieDomain),
  },
  {
    reads: ['http.port', 'http.publicUrl'],
    check: ({ http }) =>
      http.port === 0 && http.publicUrl === undefined
        ? 'LATCHKEY_PUBLIC_URL must be set when LATCHKEY_PORT is 0.'
        : undefined,
  },
];

function cookieDomainRule(publicUrl: string | undefined, domain: string | undefined): string | undefined {
  if (domain === undefined) return undefined;
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  if (url?.protocol === 'https:' && isBelowDomain(url.hostname, domain)) return undefined;
  return `LATCHKEY_COOKIE_DOMAIN is ${domain}, which needs LATCHKEY_PUBLIC_URL to be an https origin below it, such as https://auth.${domain}.`;
}

function remoteDevelopment(mode: string, allowed: boolean, name: string, hosts: readonly string[]): string | undefined {
  const remote = hosts.find((host) => !isLoopback(host));
  if (mode === 'production' || allowed || remote === undefined) return undefined;
  return `${name} is ${remote}, which other machines can reach, but NODE_ENV is not production. Set NODE_ENV=production, or LATCHKEY_ALLOW_REMOTE_DEV=1 to allow it.`;
}

const databaseRules: readonly Rule[] = [
  {
    reads: ['database.kind', 'database.url'],
    check: ({ database }) =>
      database.kind === 'embedded' && database.url !== undefined
        ? 'LATCHKEY_DATABASE=embedded and DATABASE_URL are both set. Remove one of them.'
        : undefined,
  },
  {
    reads: ['database.url', 'database.directUrl'],
    check: ({ database }) => withoutUrl(database, 'DATABASE_DIRECT_URL', database.directUrl),
  },
  {
    reads: ['database.url', 'database.adminUrl'],
    check: ({ database }) => withoutUrl(database, 'DATABASE_ADMIN_URL', database.adminUrl),
  },
  {
    reads: ['database.url', 'database.replicaUrl'],
    check: ({ database }) => withoutUrl(database, 'DATABASE_REPLICA_URL', database.replicaUrl),
  },
  {
    reads: ['database.pooler', 'database.directUrl'],
    check: ({ database }) =>
      database.pooler === 'transaction' && database.directUrl === undefined
        ? 'DATABASE_POOLER=transaction needs DATABASE_DIRECT_URL, because migrations and advisory locks do not work through the pooler.'
        : undefined,
  },
  {
    reads: ['database.poolMin', 'database.poolMax'],
    check: ({ database }) =>
      (database.poolMin ?? 0) > database.poolMax
        ? `DATABASE_POOL_MIN (${database.poolMin}) must not exceed DATABASE_POOL_MAX (${database.poolMax}).`
        : undefined,
  },
];

function withoutUrl(database: Settings['database'], name: string, value: unknown): string | undefined {
  if (value === undefined || database.url !== undefined) return undefined;
  return `${name} has no effect without DATABASE_URL. Set both or neither.`;
}

const passwordRules: readonly Rule[] = [
  {
    reads: ['passwords.argon2.memoryKib', 'passwords.argon2.parallelism'],
    // RFC 9106 §3.1: at least 8 blocks of 1 KiB per lane.
    check: ({ passwords: { argon2 } }) =>
      argon2.memoryKib < 8 * argon2.parallelism
        ? `LATCHKEY_ARGON2_MEMORY_KIB (${argon2.memoryKib}) must be at least 8 times LATCHKEY_ARGON2_PARALLELISM (${argon2.parallelism}).`
        : undefined,
  },
];

/** WebAuthn L3 §5.11.1: a browser reads at least five registrable names, and may ignore the others. */
const maxRelatedNames = 5;

const passkeyRules: readonly Rule[] = [
  {
    reads: ['http.publicUrl', 'passkeys.rpId'],
    check: ({ http, passkeys: { rpId } }) => {
      const host = http.publicUrl === undefined ? 'localhost' : new URL(http.publicUrl).hostname;
      return rpId === undefined || coversHost(rpId, host)
        ? undefined
        : `LATCHKEY_PASSKEY_RP_ID is ${rpId}, which must be the host of the public URL (${host}) or a parent domain of it.`;
    },
  },
  {
    reads: ['passkeys.origins'],
    check: ({ passkeys: { origins } }) =>
      new Set(origins.filter((origin) => origin.startsWith('http')).map((origin) => new URL(origin).hostname)).size >
      maxRelatedNames
        ? `LATCHKEY_PASSKEY_ORIGINS has more than ${maxRelatedNames} hosts. Browsers ignore the others.`
        : undefined,
  },
];

const hookUrl = 'LATCHKEY_REGISTRATION_HOOK_URL';

const registrationHookRules: readonly Rule[] = [
  {
    reads: ['registrationHook.url', 'registrationHook.secret'],
    check: ({ registrationHook: { url, secret } }) =>
      (url === undefined) === (secret === undefined)
        ? undefined
        : `Set both ${hookUrl} and LATCHKEY_REGISTRATION_HOOK_SECRET, or neither.`,
  },
  {
    reads: ['mode', 'registrationHook.url', 'registrationHook.allowPrivate'],
    check: ({ mode, registrationHook }) => refusedService(mode, 'LATCHKEY_REGISTRATION_HOOK', registrationHook),
  },
];

const breachServiceRules: readonly Rule[] = [
  {
    reads: ['mode', 'passwords.breachService.url', 'passwords.breachService.allowPrivate'],
    check: ({ mode, passwords }) => refusedService(mode, 'LATCHKEY_PASSWORD_BREACH', passwords.breachService),
  },
];

/** The outbound client would refuse every request to such a URL, so the check uses its rules. */
function refusedService(
  mode: string,
  prefix: string,
  { url, allowPrivate }: { readonly url?: string | undefined; readonly allowPrivate: boolean },
): string | undefined {
  if (url === undefined) return undefined;
  const destination = readDestination(url, { allowPrivate, production: mode === 'production' });
  if (destination.kind === 'destination') return undefined;
  if (destination.reason === 'scheme_not_allowed' && mode === 'production')
    return `${prefix}_URL must be an https URL in production.`;
  return `${prefix}_URL ${explainRefusal[destination.reason](`Set ${prefix}_ALLOW_PRIVATE=1 to allow it.`)}`;
}

const explainRefusal: Readonly<Record<DestinationRefusal, (allow: string) => string>> = {
  malformed_url: () => 'must be a URL of at most 2,048 characters, without a dot at the end of its host.',
  credentials_in_url: () => 'must have no user and no password.',
  scheme_not_allowed: (allow) => `is on this machine. ${allow}`,
  address_not_allowed: (allow) => `has an address that is not public. ${allow}`,
  port_not_allowed: (allow) => `has a port below 1024. ${allow}`,
};

/** The query that is appended to the URL is shorter: a host name has at most 255 characters. */
const profileQueryLength = 500;

const reportRules: readonly Rule[] = [
  {
    reads: ['mode', 'errorReports.dsn'],
    check: ({ mode, errorReports: { dsn } }) => {
      if (dsn === undefined) return undefined;
      const production = mode === 'production';
      const destination = readDestination(dsn.envelopeUrl, { allowPrivate: true, production });
      if (destination.kind === 'destination') return undefined;
      return `SENTRY_DSN must be an https URL${production ? '' : ', or an http URL of this machine'}.`;
    },
  },
  {
    reads: ['mode', 'profiles.url'],
    check: ({ mode, profiles: { url } }) => {
      if (url === undefined) return undefined;
      const production = mode === 'production';
      const destination = readDestination(`${url}?${'x'.repeat(profileQueryLength)}`, {
        allowPrivate: true,
        production,
      });
      if (destination.kind === 'destination') return undefined;
      return `LATCHKEY_PROFILES_URL must be an https URL${production ? '' : ', or an http URL of this machine'}.`;
    },
  },
];

const testRules: readonly Rule[] = [
  {
    reads: ['mode', 'faultPoint'],
    check: ({ mode, faultPoint }) =>
      mode !== 'test' && faultPoint !== undefined
        ? 'LATCHKEY_FAULT_POINT crashes the process. It is accepted with NODE_ENV=test only.'
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
  ...passkeyRules,
  ...reportRules,
  ...testRules,
];
