/** Every setting there is. Names, defaults and sentences of the reference page and of all messages come from here. */
import { z } from 'zod';
import { passwords } from './password-settings.ts';
import type { SettingFacts } from './setting.ts';
import {
  choice,
  flag,
  integer,
  list,
  optionalChoice,
  optionalInteger,
  required,
  secret,
  settingFacts,
  text,
} from './setting.ts';
import {
  isKey,
  isListenAddress,
  isMailbox,
  isMailDomain,
  isProxyRange,
  isPublicOrigin,
  isQuota,
  isServiceUrl,
  isUrlOf,
} from './values.ts';
import { wellKnown } from './well-known.ts';

const http = z.object({
  hosts: list(
    ['127.0.0.1', '::1'],
    {
      env: 'LATCHKEY_HOST',
      expected: 'IP addresses or localhost, separated by commas',
      doc: 'Addresses of the public listener. Outside production anything but a loopback address also needs `LATCHKEY_ALLOW_REMOTE_DEV=1`.',
    },
    isListenAddress,
  ),
  port: integer(0, 65_535, 3000, {
    env: 'LATCHKEY_PORT',
    doc: 'Port of the public listener. 0 lets the operating system choose.',
    hint: (value) =>
      typeof value === 'string' && /^(tcp|udp):\/\//.test(value)
        ? 'Kubernetes sets it for a Service named latchkey: put "enableServiceLinks: false" into the pod, or name the Service otherwise'
        : undefined,
  }),
  publicUrl: text(
    {
      env: 'LATCHKEY_PUBLIC_URL',
      expected:
        'an https origin without a path, such as https://auth.example.com (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'http://localhost:<port>',
      doc: 'The origin that users and applications reach; every link is built from it, and it is the issuer of tokens. Production requires https.',
    },
    isPublicOrigin,
  ),
  trustedProxies: list(
    [],
    {
      env: 'LATCHKEY_TRUSTED_PROXIES',
      expected: 'addresses or CIDR ranges such as 10.0.0.0/8, separated by commas, none of them /0',
      doc: 'Proxies whose forwarding headers are believed. Without any the address of the connection counts.',
    },
    isProxyRange,
  ),
  drainSeconds: integer(0, 600, 25, {
    env: 'LATCHKEY_DRAIN_SECONDS',
    doc: 'After SIGTERM running requests and jobs have this long to end.',
  }),
  allowRemoteDevelopment: flag({
    env: 'LATCHKEY_ALLOW_REMOTE_DEV',
    doc: 'Lets a server that is not in production listen on addresses that other machines can reach.',
  }),
});

const ops = z.object({
  host: text(
    {
      env: 'LATCHKEY_OPS_HOST',
      expected: 'an IP address or localhost',
      fallback: '127.0.0.1',
      doc: "Address of the operator's listener (`/metrics`, verbose `/readyz`). It asks for no credentials: keep it private.",
    },
    isListenAddress,
  ),
  port: integer(0, 65_535, 3001, {
    env: 'LATCHKEY_OPS_PORT',
    doc: "Port of the operator's listener. 0 lets the operating system choose.",
  }),
});

const postgresUrl = {
  expected: 'a URL such as postgres://user:password@host:5432/database',
};

const isPostgresUrl = (value: string) => isUrlOf(value, ['postgres:', 'postgresql:']);

const database = z.object({
  kind: optionalChoice(['embedded'], {
    env: 'LATCHKEY_DATABASE',
    doc: 'Says aloud that production shall use the embedded database. It survives the death of the process, not of the machine.',
  }),
  url: secret(
    {
      env: 'DATABASE_URL',
      ...postgresUrl,
      doc: 'PostgreSQL 15 or newer. Without it the embedded database in the data directory is used.',
    },
    isPostgresUrl,
  ),
  directUrl: secret(
    {
      env: 'DATABASE_DIRECT_URL',
      ...postgresUrl,
      fallback: 'DATABASE_URL',
      doc: 'The same database around a pooler, for migrations, locks and backups.',
    },
    isPostgresUrl,
  ),
  adminUrl: secret(
    {
      env: 'DATABASE_ADMIN_URL',
      ...postgresUrl,
      fallback: 'DATABASE_DIRECT_URL',
      doc: 'The same database as the role that owns the tables, for migrations; the serving role then owns nothing.',
    },
    isPostgresUrl,
  ),
  pooler: choice(['none', 'transaction'], 'none', {
    env: 'DATABASE_POOLER',
    doc: '`transaction` when `DATABASE_URL` goes through PgBouncer or the like in transaction mode.',
  }),
  poolMin: optionalInteger(0, 1000, {
    env: 'DATABASE_POOL_MIN',
    fallback: '2, or `DATABASE_POOL_MAX` when that is less',
    doc: 'Pooled connections that are kept open.',
  }),
  poolMax: integer(1, 1000, 10, {
    env: 'DATABASE_POOL_MAX',
    doc: 'Pooled connections at most, beside the eleven pipelined ones of each process.',
  }),
  connectTimeoutMs: integer(100, 600_000, 5000, {
    env: 'DATABASE_CONNECT_TIMEOUT_MS',
    doc: 'Milliseconds to wait for a connection, new or pooled.',
  }),
  statementTimeoutMs: integer(100, 3_600_000, 10_000, {
    env: 'DATABASE_STATEMENT_TIMEOUT_MS',
    doc: 'Milliseconds that a pooled statement may take; pipelined ones always end after one second at most. Ignored by the embedded database.',
  }),
});

const mail = z.object({
  smtpUrl: secret(
    {
      env: 'SMTP_URL',
      expected: 'a URL such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587',
      fallback: 'the built-in inbox, outside production',
      doc: 'The mail server. Required in production.',
    },
    (value) => isUrlOf(value, ['smtp:', 'smtps:']),
  ),
  from: text(
    {
      env: 'LATCHKEY_MAIL_FROM',
      expected: 'an e-mail address, alone or as Name <address>',
      fallback: 'Latchkey <no-reply@host of the public URL>',
      doc: 'Sender of all mails.',
    },
    isMailbox,
  ),
});

const keys = z.object({
  kek: secret(
    {
      env: 'LATCHKEY_KEK',
      expected: '32 bytes in base64 (44 characters), as "openssl rand -base64 32" makes them',
      fallback: 'created in the data directory, outside production',
      doc: 'The key-encryption key, which wraps all other keys. Without it the database cannot be read: keep a copy apart from the backups. Required in production.',
    },
    isKey,
  ),
  signingAlgorithm: choice(['ES256', 'EdDSA', 'RS256'], 'ES256', {
    env: 'LATCHKEY_SIGNING_ALGORITHM',
    doc: 'Algorithm of new signing keys; a change takes effect at the next rotation.',
  }),
});

function quota(fallback: string, facts: { readonly env: string; readonly doc: string }) {
  const expected = 'a number and a time, such as 100/15m (s, m, h and d)';
  return required(fallback, { ...facts, expected }, isQuota);
}

/** docs/security/limits.md. */
const limits = z.object({
  public: quota('100/15m', {
    env: 'LATCHKEY_LIMIT_PUBLIC',
    doc: 'Requests of one address to what needs no login.',
  }),
  authenticated: quota('600/1m', {
    env: 'LATCHKEY_LIMIT_AUTHENTICATED',
    doc: 'Requests of one user who is logged in.',
  }),
  admin: quota('300/1m', { env: 'LATCHKEY_LIMIT_ADMIN', doc: 'Requests of one administrator to the admin API.' }),
  credential: quota('5/15m', {
    env: 'LATCHKEY_LIMIT_CREDENTIAL',
    doc: 'Failed attempts of one address to prove one identity. Successes do not count.',
  }),
  credentialAddress: quota('50/15m', {
    env: 'LATCHKEY_LIMIT_CREDENTIAL_ADDRESS',
    doc: 'Failed attempts of one address to prove any identity.',
  }),
  mail: quota('3/1h', { env: 'LATCHKEY_LIMIT_MAIL', doc: 'Mails that anybody may ask for to one recipient.' }),
  mailAddress: quota('20/1h', { env: 'LATCHKEY_LIMIT_MAIL_ADDRESS', doc: 'Mails that one address may ask for.' }),
});

const emailDomains = {
  expected: 'domains such as example.com or .example.com, in lower case and as A-labels (xn--), separated by commas',
};

const registrationHook = z.object({
  url: text(
    {
      env: 'LATCHKEY_REGISTRATION_HOOK_URL',
      expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'nobody is asked',
      doc: 'A service that is asked before anybody registers or accepts an invitation. It is shown by `config print`: put no secret into it.',
    },
    isServiceUrl,
  ),
  secret: secret(
    {
      env: 'LATCHKEY_REGISTRATION_HOOK_SECRET',
      expected: '32 bytes in base64 (44 characters), as "openssl rand -base64 32" makes them',
      doc: 'The key that the questions are signed with (Standard Webhooks). Required with the URL.',
    },
    isKey,
  ),
  timeoutMs: integer(100, 10_000, 3000, {
    env: 'LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS',
    doc: 'Milliseconds from the question to the last byte of the answer; the person waits meanwhile.',
  }),
  whenDown: choice(['refuse', 'allow'], 'refuse', {
    env: 'LATCHKEY_REGISTRATION_HOOK_WHEN_DOWN',
    doc: 'What happens when there is no answer: `refuse` answers 503, `allow` registers as if there were no hook. Both are audited.',
  }),
  allowPrivate: flag({
    env: 'LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE',
    doc: 'Lets the URL lead into your own network or, outside production, to this machine by http. Without it only global addresses are asked.',
  }),
});

/** The one schema. Its shape is the shape of `latchkey.config.json`. */
export const settingsSchema = z.object({
  mode: choice(['production', 'development', 'test'], 'development', {
    env: 'NODE_ENV',
    doc: 'The mode. It can be set in the environment only.',
  }),
  dataDirectory: text({
    env: 'LATCHKEY_DATA_DIR',
    expected: 'a path',
    fallback: '.latchkey',
    doc: 'Directory of the embedded database, the control socket and created keys; relative to the working directory.',
  }),
  http,
  ops,
  database,
  migrate: optionalChoice(['auto', 'refuse'], {
    env: 'LATCHKEY_MIGRATE',
    fallback: '`refuse` in production, else `auto`',
    doc: 'Whether `serve` migrates the schema by itself or says which command to run.',
  }),
  mail,
  keys,
  passwords,
  registration: choice(['open', 'invite', 'closed'], 'open', {
    env: 'LATCHKEY_REGISTRATION',
    doc: 'Who may register: everybody, those whom `latchkey invite create` invites, or nobody. Where it is `open`, invitations work too.',
  }),
  emailDomains: z.object({
    allow: list(
      [],
      {
        env: 'LATCHKEY_EMAIL_DOMAINS_ALLOW',
        ...emailDomains,
        fallback: 'all domains',
        doc: 'When given, only addresses of these domains may register, or take the place of another address. `.example.com` stands for every subdomain of example.com and not for itself. Invitations are exempt.',
      },
      isMailDomain,
    ),
    deny: list(
      [],
      {
        env: 'LATCHKEY_EMAIL_DOMAINS_DENY',
        ...emailDomains,
        fallback: 'none',
        doc: 'Addresses of these domains may not register, nor take the place of another address, also when they are allowed above. Invitations are exempt.',
      },
      isMailDomain,
    ),
  }),
  loginByMail: z.object({
    magicLink: flag({
      env: 'LATCHKEY_MAGIC_LINK',
      doc: 'Lets people log in by a link that is mailed to them, in the browser in which they asked for it.',
    }),
    magicLinkSeconds: integer(60, 600, 600, {
      env: 'LATCHKEY_MAGIC_LINK_SECONDS',
      doc: 'Seconds that such a link lives; ten minutes at most.',
    }),
    emailCode: flag({
      env: 'LATCHKEY_EMAIL_CODE',
      doc: 'Lets people log in by a code of six digits that is mailed to them, in the browser in which they asked for it.',
    }),
    emailCodeSeconds: integer(60, 600, 600, {
      env: 'LATCHKEY_EMAIL_CODE_SECONDS',
      doc: 'Seconds that such a code lives; ten minutes at most.',
    }),
  }),
  emailChange: z.object({
    confirm: choice(['new', 'both'], 'new', {
      env: 'LATCHKEY_EMAIL_CHANGE_CONFIRM',
      doc: 'Where a change of e-mail address is confirmed: by a link at the new address, or by one at the old address as well. A change that waits keeps the rule it was asked for under.',
    }),
  }),
  registrationHook,
  wellKnown,
  deletion: z.object({
    graceDays: integer(0, 90, 7, {
      env: 'LATCHKEY_DELETION_GRACE_DAYS',
      doc: 'Days that a closed account can still be kept before it is erased; 0 erases it by the next job. A change concerns accounts that are closed after it.',
    }),
  }),
  limits,
  redisUrl: secret(
    {
      env: 'REDIS_URL',
      expected: 'a URL such as redis://:password@host:6379/0 or rediss://host:6380',
      fallback: 'none; limits that every node must see are counted in the database',
      doc: 'Redis, where limits are counted instead of in the database. The server runs, and limits hold in each process, while it is away.',
    },
    (value) => isUrlOf(value, ['redis:', 'rediss:']),
  ),
  redisTimeoutMs: integer(10, 10_000, 250, {
    env: 'REDIS_TIMEOUT_MS',
    doc: 'How long Redis may take for an answer. Then a process counts by itself until Redis answers again.',
  }),
  jobs: z.object({
    concurrency: integer(1, 256, 8, {
      env: 'LATCHKEY_JOB_CONCURRENCY',
      doc: 'Jobs that one process works on at once.',
    }),
  }),
  faultPoint: optionalChoice(['mail.before_send', 'mail.after_accept'], {
    env: 'LATCHKEY_FAULT_POINT',
    fallback: 'none',
    doc: 'For proofs, with NODE_ENV=test only: the process kills itself when it reaches this point.',
  }),
  log: z.object({
    level: choice(['debug', 'info', 'warn', 'error', 'silent'], 'info', {
      env: 'LATCHKEY_LOG_LEVEL',
      doc: 'The least severe messages that are logged.',
    }),
  }),
});

/** What the schema makes of everything that was given. */
export type Settings = z.output<typeof settingsSchema>;

/** One setting: its place in the file, and its facts. */
export interface Setting extends SettingFacts {
  /** `['http', 'port']`. */
  readonly path: readonly string[];
  /** `http.port`. */
  readonly key: string;
}

/** All settings in the order of the schema. */
export const settings: readonly Setting[] = leaves(settingsSchema, []);

/** Names that other products and our own plans make people try; each is refused in a sentence of its own. */
export const notYetSupported: readonly string[] = ['DATABASE_REPLICA_URL'];

function leaves(schema: z.ZodObject, path: readonly string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([name, child]) => {
    const childPath = [...path, name];
    if (child instanceof z.ZodObject) return leaves(child, childPath);
    const facts = settingFacts.get(child as z.ZodType);
    return facts === undefined ? [] : [{ ...facts, path: childPath, key: childPath.join('.') }];
  });
}
