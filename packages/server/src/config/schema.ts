/** All settings. The reference page and all messages take names, defaults and descriptions from here. */
import { z } from 'zod';
import { parsePostgresUrl, parseRedisUrl, parseReplicaUrl, parseSmtpUrl } from '#protocol/connection-url/index.ts';
import { formatMailbox, parseMailbox } from '#protocol/mailbox/index.ts';
import { brand } from './brand-settings.ts';
import { limits } from './limit-settings.ts';
import { http, ops } from './listener-settings.ts';
import { passkeys } from './passkey-settings.ts';
import { passwords } from './password-settings.ts';
import { secretStores } from './secret-store-settings.ts';
import type { SettingFacts } from './setting.ts';
import {
  choice,
  flag,
  integer,
  list,
  optionalChoice,
  optionalInteger,
  parsedSecret,
  parsedText,
  secret,
  settingFacts,
  text,
} from './setting.ts';
import { errorReports, profiles, traces } from './telemetry-settings.ts';
import { isEhloName, isKey, isMailDomain, isServiceUrl } from './values.ts';
import { wellKnown } from './well-known.ts';

const postgresUrl = {
  expected:
    'a URL such as postgres://user:password@host:5432/database or postgres://user:password@host1,host2/database',
};

const database = z.object({
  kind: optionalChoice(['embedded'], {
    env: 'LATCHKEY_DATABASE',
    doc: 'Allows the embedded database in production. It survives a crash of the process, but may lose data when the machine crashes.',
  }),
  url: parsedSecret(
    {
      env: 'DATABASE_URL',
      field: 'database.server',
      ...postgresUrl,
      doc: 'PostgreSQL 15 or newer. Without it the server uses the embedded database in the data directory. With several hosts, connections go to the one that accepts writes. `sslmode`, `sslrootcert`, `sslcert` and `sslkey` have the meanings of libpq, except that without `sslmode` the connection is not encrypted: see `docs/guides/configuration.md`.',
    },
    parsePostgresUrl,
  ),
  directUrl: parsedSecret(
    {
      env: 'DATABASE_DIRECT_URL',
      field: 'database.directServer',
      ...postgresUrl,
      fallback: 'DATABASE_URL',
      doc: 'The same database without the pooler, for migrations, advisory locks and backups.',
    },
    parsePostgresUrl,
  ),
  adminUrl: parsedSecret(
    {
      env: 'DATABASE_ADMIN_URL',
      field: 'database.adminServer',
      ...postgresUrl,
      fallback: 'DATABASE_DIRECT_URL',
      doc: 'The same database with the role that owns the tables, for migrations. The role of `DATABASE_URL` then needs no ownership.',
    },
    parsePostgresUrl,
  ),
  replicaUrl: parsedSecret(
    {
      env: 'DATABASE_REPLICA_URL',
      field: 'database.replicaServer',
      ...postgresUrl,
      fallback: 'none: everything is read from the primary',
      doc: 'Standby servers of the same cluster. Lists and reports of the admin API and the command line are read from the first that responds, while it is at most 30 seconds behind; otherwise from the primary.',
    },
    parseReplicaUrl,
  ),
  pooler: choice(['none', 'transaction'], 'none', {
    env: 'DATABASE_POOLER',
    doc: 'Set `transaction` when `DATABASE_URL` and `DATABASE_REPLICA_URL` lead to a pooler in transaction mode, such as PgBouncer.',
  }),
  poolMin: optionalInteger(0, 1000, {
    env: 'DATABASE_POOL_MIN',
    fallback: '2, or `DATABASE_POOL_MAX` if that is less',
    doc: 'Pooled connections that stay open when idle.',
  }),
  poolMax: integer(1, 1000, 10, {
    env: 'DATABASE_POOL_MAX',
    doc: 'Maximum of pooled connections per process. Each process also opens eleven pipelined connections.',
  }),
  connectTimeoutMs: integer(100, 600_000, 5000, {
    env: 'DATABASE_CONNECT_TIMEOUT_MS',
    doc: 'Milliseconds to wait for a new or pooled connection.',
  }),
  statementTimeoutMs: integer(100, 3_600_000, 10_000, {
    env: 'DATABASE_STATEMENT_TIMEOUT_MS',
    doc: 'Milliseconds that a statement on a pooled connection may take. On pipelined connections the limit is at most one second. The embedded database ignores it.',
  }),
});

const mail = z.object({
  smtpUrl: parsedSecret(
    {
      env: 'SMTP_URL',
      field: 'mail.smtp',
      expected: 'a URL such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587',
      fallback: 'the built-in inbox, outside production',
      doc: 'Mail server: `smtps:` for TLS from the start, `smtp:` for STARTTLS. Required in production.',
    },
    parseSmtpUrl,
  ),
  from: parsedText(
    {
      env: 'LATCHKEY_MAIL_FROM',
      expected: 'an email address, or Name <address>',
      fallback: 'the name of the service and no-reply@host of the public URL',
      doc: 'Sender of all emails, such as `Acme <no-reply@acme.example>` or `"Acme, Inc." <no-reply@acme.example>`. A domain with other letters is sent as A-labels (xn--). Without a name the sender has that of the service.',
    },
    { parse: parseMailbox, format: formatMailbox },
  ),
  ehloName: text(
    {
      env: 'LATCHKEY_SMTP_EHLO',
      expected: 'a host name such as auth.example.com, or an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]',
      fallback: 'host of the public URL',
      doc: 'Name by which this server introduces itself to the mail server (EHLO). Some relays accept only a name that resolves.',
    },
    isEhloName,
  ),
});

const keys = z.object({
  kek: secret(
    {
      env: 'LATCHKEY_KEK',
      expected: '32 bytes in base64 (44 characters), as "openssl rand -base64 32" prints them',
      fallback: 'generated in the data directory, outside production',
      doc: 'Key-encryption key (KEK), which encrypts all other keys. Without it the data cannot be decrypted: keep a copy apart from the backups. Required in production.',
    },
    isKey,
  ),
  signingAlgorithm: choice(['ES256', 'EdDSA', 'RS256'], 'ES256', {
    env: 'LATCHKEY_SIGNING_ALGORITHM',
    doc: 'Algorithm of new signing keys. A change takes effect at the next rotation.',
  }),
});

const emailDomains = {
  expected: 'domains such as example.com or .example.com, in lower case and as A-labels (xn--), separated by commas',
};

const registrationHook = z.object({
  url: text(
    {
      env: 'LATCHKEY_REGISTRATION_HOOK_URL',
      expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'none',
      doc: 'Your service that accepts or rejects each registration and each accepted invitation, such as `https://example.com/hooks/registration`. `config print` shows this URL: put no secret into it.',
    },
    isServiceUrl,
  ),
  secret: secret(
    {
      env: 'LATCHKEY_REGISTRATION_HOOK_SECRET',
      expected: '32 bytes in base64 (44 characters), as "openssl rand -base64 32" prints them',
      doc: 'Key that signs the requests to the hook (Standard Webhooks). Required with the URL.',
    },
    isKey,
  ),
  timeoutMs: integer(100, 10_000, 3000, {
    env: 'LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS',
    doc: 'Milliseconds until the whole response must have arrived. The user waits meanwhile.',
  }),
  whenDown: choice(['refuse', 'allow'], 'refuse', {
    env: 'LATCHKEY_REGISTRATION_HOOK_WHEN_DOWN',
    doc: 'What happens to a registration when the hook is down: `refuse` returns 503, `allow` registers without it. Both are audited.',
  }),
  allowPrivate: flag({
    env: 'LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE',
    doc: 'Allows a URL in your own network and, outside production, an http URL on this machine. Otherwise the server connects to public addresses only.',
  }),
});

/** The schema of all settings; `latchkey.config.json` has the same shape. */
export const settingsSchema = z.object({
  mode: choice(['production', 'development', 'test'], 'development', {
    env: 'NODE_ENV',
    doc: 'The mode. It can be set in the environment only, not in the file.',
  }),
  unknownSettings: choice(['refuse', 'warn'], 'refuse', {
    env: 'LATCHKEY_UNKNOWN_SETTINGS',
    doc: 'What happens when a name is not known: `refuse` is a mistake, which finds typing errors. Set `warn` before a rollback, so that the earlier release starts with the settings of the later one and ignores those that it does not know.',
  }),
  dataDirectory: text({
    env: 'LATCHKEY_DATA_DIR',
    expected: 'a path',
    fallback: '.latchkey',
    doc: 'Directory of the embedded database, the control socket and generated keys, such as `/var/lib/latchkey`. A relative path starts at the working directory.',
  }),
  brand,
  http,
  ops,
  database,
  mail,
  keys,
  passwords,
  registration: choice(['open', 'invite', 'closed'], 'open', {
    env: 'LATCHKEY_REGISTRATION',
    doc: 'Who can register. `open`: everyone. `invite`: people with an invitation from `latchkey invite create`. `closed`: no one. Invitations also work with `open`.',
  }),
  emailDomains: z.object({
    allow: list(
      [],
      {
        env: 'LATCHKEY_EMAIL_DOMAINS_ALLOW',
        ...emailDomains,
        fallback: 'all domains',
        doc: 'Only addresses of these domains can register or replace the address of an account. `.example.com` matches the subdomains of example.com, but not example.com itself. Invitations are exempt.',
      },
      isMailDomain,
    ),
    deny: list(
      [],
      {
        env: 'LATCHKEY_EMAIL_DOMAINS_DENY',
        ...emailDomains,
        fallback: 'none',
        doc: 'Addresses of these domains cannot register or replace the address of an account, even if `LATCHKEY_EMAIL_DOMAINS_ALLOW` lists them. Invitations are exempt.',
      },
      isMailDomain,
    ),
  }),
  loginByMail: z.object({
    magicLink: flag({
      env: 'LATCHKEY_MAGIC_LINK',
      doc: 'Allows login by a link in an email. The link works only in the browser that requested it.',
    }),
    magicLinkSeconds: integer(60, 600, 600, {
      env: 'LATCHKEY_MAGIC_LINK_SECONDS',
      doc: 'Lifetime of such a link in seconds, at most ten minutes.',
    }),
    emailCode: flag({
      env: 'LATCHKEY_EMAIL_CODE',
      doc: 'Allows login by a six-digit code in an email. The code works only in the browser that requested it.',
    }),
    emailCodeSeconds: integer(60, 600, 600, {
      env: 'LATCHKEY_EMAIL_CODE_SECONDS',
      doc: 'Lifetime of such a code in seconds, at most ten minutes.',
    }),
  }),
  passkeys,
  secondFactorFor: choice(['nobody', 'admins', 'everybody'], 'admins', {
    env: 'LATCHKEY_SECOND_FACTOR_FOR',
    doc: 'Who must have a second factor: `admins` are the users with a role. Who has none sets one up at the next login. Sessions that exist stay.',
  }),
  stepUpSeconds: integer(60, 3600, 300, {
    env: 'LATCHKEY_STEP_UP_SECONDS',
    doc: 'How many seconds after a login or a step-up a session may change what protects its account, such as second factors.',
  }),
  emailChange: z.object({
    confirm: choice(['new', 'both'], 'new', {
      env: 'LATCHKEY_EMAIL_CHANGE_CONFIRM',
      doc: 'Addresses that must confirm a change of email address: `new` only the new one, `both` also the old one. A pending change keeps the rule under which it was requested.',
    }),
  }),
  registrationHook,
  wellKnown,
  deletion: z.object({
    graceDays: integer(0, 90, 7, {
      env: 'LATCHKEY_DELETION_GRACE_DAYS',
      doc: 'Days in which users can cancel the deletion of their account, before it is erased. With 0 the next job erases it. A change affects later deletions only.',
    }),
  }),
  limits,
  redisUrl: parsedSecret(
    {
      env: 'REDIS_URL',
      field: 'redis',
      expected:
        'a URL such as redis://:password@host:6379/0 or redis+sentinel://:password@host:26379,host:26379/mymaster/0',
      fallback: 'none: shared rate limits are counted in the database',
      doc: 'Redis, which counts shared rate limits instead of the database; `rediss:` uses TLS. `redis+sentinel:` and `rediss+sentinel:` list the sentinels, then the name of the primary and the database; `?sentinel_user=…&sentinel_password=…` is the login to the sentinels. While Redis is down, requests continue and each process counts by itself.',
    },
    parseRedisUrl,
  ),
  redisTimeoutMs: integer(10, 10_000, 250, {
    env: 'REDIS_TIMEOUT_MS',
    doc: 'Milliseconds to wait for Redis. After a timeout the process counts by itself until Redis responds again.',
  }),
  jobs: z.object({
    concurrency: integer(1, 256, 8, {
      env: 'LATCHKEY_JOB_CONCURRENCY',
      doc: 'Jobs that one process runs in parallel.',
    }),
  }),
  faultPoint: optionalChoice(['mail.before_send', 'mail.after_accept'], {
    env: 'LATCHKEY_FAULT_POINT',
    fallback: 'none',
    doc: 'For crash tests, with `NODE_ENV=test` only: the process sends itself SIGKILL at this point.',
  }),
  log: z.object({
    level: choice(['debug', 'info', 'warn', 'error', 'silent'], 'info', {
      env: 'LATCHKEY_LOG_LEVEL',
      doc: 'The lowest severity that is logged.',
    }),
    format: optionalChoice(['json', 'text'], {
      env: 'LATCHKEY_LOG_FORMAT',
      fallback: '`text` in development, else `json`',
      doc: 'The form of log lines: `json` for programs, `text` for reading.',
    }),
  }),
  traces,
  errorReports,
  profiles,
  secretStores,
});

export type Settings = z.output<typeof settingsSchema>;

export interface Setting extends SettingFacts {
  /** `['http', 'port']`. */
  readonly path: readonly string[];
  /** `http.port`. */
  readonly key: string;
}

/** In the order of the schema. */
export const settings: readonly Setting[] = leaves(settingsSchema, []);

function leaves(schema: z.ZodObject, path: readonly string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([name, child]) => {
    const childPath = [...path, name];
    if (child instanceof z.ZodObject) return leaves(child, childPath);
    const facts = settingFacts.get(child as z.ZodType);
    return facts === undefined ? [] : [{ ...facts, path: childPath, key: childPath.join('.') }];
  });
}
