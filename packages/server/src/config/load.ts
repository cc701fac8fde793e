/** Loads the configuration: gathers values, resolves references to secrets, validates each, then checks the rules between them. */

import { createSecretKey } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { rpIdOfHost } from '#protocol/passkey-origin/index.ts';
import { defaultTheme, type Theme } from '#protocol/theme/index.ts';
import { withCertificates } from './certificates.ts';
import { checkValues } from './check.ts';
import type { Config, DatabaseConfig, DatabaseServer } from './config.ts';
import { gather } from './gather.ts';
import { completeLimits } from './limit-settings.ts';
import { findContradictions } from './rules.ts';
import { type Settings, settings } from './schema.ts';
import { resolveReferences } from './secret-references.ts';
import type { Sources } from './sources.ts';
import { completeTraces } from './telemetry-settings.ts';

export type LoadedConfig =
  | { readonly kind: 'ok'; readonly config: Config }
  /**
   * One sentence per mistake, without secrets. The exit code is 78 (EX_CONFIG); with `isTransient` it is 1: the only mistakes are
   * secrets whose store is down for the moment.
   */
  | { readonly kind: 'invalid'; readonly mistakes: readonly string[]; readonly isTransient: boolean };

/** Never rejects for invalid input: all mistakes are returned together. */
export async function loadConfig(sources: Sources): Promise<LoadedConfig> {
  const gathered = gather(sources);
  const { warnings } = gathered;
  const resolved = await resolveReferences(gathered, sources);
  const { settings: checked, mistakes: malformed, invalid } = checkValues(resolved.given);
  const mistakes = [...gathered.mistakes, ...resolved.mistakes, ...malformed];
  mistakes.push(...findContradictions(checked, new Set([...gathered.invalid, ...resolved.invalid, ...invalid])));
  const servers = readServers(checked.database, sources, mistakes);
  const isTransient = mistakes.length === 0 && resolved.unavailable.length > 0;
  mistakes.push(...resolved.unavailable);
  // A name that has no effect may be the reason of a mistake.
  if (mistakes.length > 0) return { kind: 'invalid', mistakes: [...mistakes, ...warnings], isTransient };
  const { secretFiles, providers } = resolved;
  const more = { warnings, secretFiles, providers };
  return { kind: 'ok', config: freeze({ ...complete(checked, servers, sources.cwd), ...more }) };
}

function complete(
  checked: Settings,
  servers: DatabaseServers,
  cwd: string,
): Omit<Config, 'warnings' | 'secretFiles' | 'providers'> {
  const { http, ops, passwords } = checked;
  const publicUrl = new URL(http.publicUrl ?? `http://localhost:${http.port}`);
  const brand = completeBrand(checked.brand, publicUrl, cwd);
  return {
    mode: checked.mode,
    unknownSettings: checked.unknownSettings,
    dataDirectory: resolve(cwd, checked.dataDirectory ?? '.latchkey'),
    brand,
    http: completeHttp(checked, publicUrl.origin),
    ops: { host: toAddresses(ops.host ?? 'localhost')[0] ?? '', port: ops.port },
    database: completeDatabase(checked.database, servers),
    mail: {
      smtp: checked.mail.smtpUrl,
      from: completeSender(checked.mail.from, brand.name, publicUrl),
      ehloName: checked.mail.ehloName ?? defaultEhloName(publicUrl),
    },
    keys: { kek: toKey(checked.keys.kek), signingAlgorithm: checked.keys.signingAlgorithm },
    passwords: completePasswords(passwords, cwd),
    registration: checked.registration,
    emailDomains: checked.emailDomains,
    loginByMail: checked.loginByMail,
    passkeys: completePasskeys(checked.passkeys, brand.name, publicUrl),
    emailChange: checked.emailChange,
    registrationHook: completeHook(checked.registrationHook),
    wellKnown: { ...checked.wellKnown, changePasswordUrl: checked.wellKnown.changePasswordUrl },
    deletion: checked.deletion,
    stepUpSeconds: checked.stepUpSeconds,
    secondFactorFor: checked.secondFactorFor,
    limits: completeLimits(checked.limits),
    redis: checked.redisUrl,
    redisTimeoutMs: checked.redisTimeoutMs,
    jobs: checked.jobs,
    faultPoint: checked.faultPoint,
    log: { ...checked.log, format: checked.log.format ?? (checked.mode === 'development' ? 'text' : 'json') },
    traces: completeTraces(checked.traces),
    errorReports: { dsn: checked.errorReports.dsn, environment: checked.errorReports.environment },
    profiles: { ...checked.profiles, url: checked.profiles.url, headers: checked.profiles.headers },
    secretStores: checked.secretStores,
  };
}

function completeHttp({ mode, http }: Settings, publicUrl: string): Config['http'] {
  return {
    ...http,
    hosts: [...new Set(http.hosts.flatMap(toAddresses))],
    publicUrl,
    cookieDomain: http.cookieDomain,
    shutdownDelaySeconds: http.shutdownDelaySeconds ?? (mode === 'production' ? 5 : 0),
  };
}

function completePasskeys(
  { accepted, rpId, origins }: Settings['passkeys'],
  name: string,
  { origin, hostname }: URL,
): Config['passkeys'] {
  return {
    accepted,
    rpId: rpId ?? rpIdOfHost(hostname),
    origins: [...new Set([origin, ...origins])],
    name,
  };
}

function completeBrand(brand: Settings['brand'], { hostname }: URL, cwd: string): Config['brand'] {
  const { name, accent = defaultTheme.accent, radius, scheme, links } = brand;
  const pathOf = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path));
  return {
    name: name ?? hostname,
    theme: { accent, radius, scheme: scheme as Theme['scheme'] },
    logo: pathOf(brand.logo),
    logoDark: pathOf(brand.logoDark),
    links,
    texts: pathOf(brand.texts),
  };
}

/** A sender without a name gets that of the service. An address literal such as `[::1]` is no domain that a mail server accepts. */
function completeSender(
  from: Settings['mail']['from'],
  serviceName: string,
  { hostname }: URL,
): Config['mail']['from'] {
  const address = from?.address ?? `no-reply@${hostname.startsWith('[') ? 'localhost' : hostname}`;
  return { name: from === undefined || from.name === '' ? serviceName : from.name, address };
}

/** RFC 5321 §4.1.3: a host without a name is an address literal, IPv6 with its tag. */
function defaultEhloName({ hostname }: URL): string {
  if (hostname.startsWith('[')) return `[IPv6:${hostname.slice(1)}`;
  return isIPv4(hostname) ? `[${hostname}]` : hostname;
}

type DatabaseServers = Readonly<Record<'url' | 'directUrl' | 'adminUrl' | 'replicaUrl', DatabaseServer | undefined>>;

/** Adds the files that the URLs name. */
function readServers(database: Settings['database'], sources: Sources, mistakes: string[]): DatabaseServers {
  const read = (key: keyof DatabaseServers): DatabaseServer | undefined => {
    const url = database[key];
    const server = url === undefined ? undefined : withCertificates(url, sources);
    if (server?.kind === 'ok') return server.value;
    const name = settings.find((setting) => setting.key === `database.${key}`)?.env;
    if (server !== undefined) mistakes.push(`${name} cannot be used: ${server.reason}.`);
    return undefined;
  };
  return {
    url: read('url'),
    directUrl: read('directUrl'),
    adminUrl: read('adminUrl'),
    replicaUrl: read('replicaUrl'),
  };
}

function completeDatabase(database: Settings['database'], servers: DatabaseServers): DatabaseConfig {
  const { kind, url: _url, directUrl: _direct, adminUrl: _admin, replicaUrl: _replica, ...limits } = database;
  const { replicaUrl: replicaServer } = servers;
  const { url: server, directUrl: directServer = server, adminUrl: adminServer = directServer } = servers;
  if (kind === 'embedded' || !server || !directServer || !adminServer) return { kind: 'embedded' };
  const poolMin = limits.poolMin ?? Math.min(2, limits.poolMax);
  return { ...limits, kind: 'postgres', server, directServer, adminServer, replicaServer, poolMin };
}

function completePasswords(passwords: Settings['passwords'], cwd: string): Config['passwords'] {
  const { url, ...service } = passwords.breachService;
  const { filter } = passwords;
  return {
    ...passwords,
    hashConcurrency: passwords.hashConcurrency ?? availableParallelism(),
    breachService: url === undefined ? undefined : { ...service, url },
    filter: filter === undefined ? undefined : resolve(cwd, filter),
  };
}

function completeHook({ url, secret, ...hook }: Settings['registrationHook']): Config['registrationHook'] {
  const key = toKey(secret);
  return url === undefined || key === undefined ? undefined : { ...hook, url, secret: key };
}

/** `localhost` means both loopback addresses, because browsers may try either first. */
function toAddresses(host: string): string[] {
  return host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
}

function toKey(base64: string | undefined): Config['keys']['kek'] {
  return base64 === undefined ? undefined : createSecretKey(base64, 'base64');
}

/** Freezes plain objects and arrays recursively. A KeyObject is immutable already. */
function freeze<T>(value: T): T {
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) return value;
  for (const child of Object.values(value as object)) if (typeof child === 'object' && child !== null) freeze(child);
  return Object.freeze(value);
}
