/** The composition root: every object is built once, here, top to bottom. */
import { randomUUID } from 'node:crypto';
import type { Config } from '#config/index.ts';
import { ConcurrentAttempts, UnfinishedAttempts } from '#domain/attempts/index.ts';
import { AuditLog } from '#domain/audit/index.ts';
import { Clients } from '#domain/clients/index.ts';
import { DeviceTokens } from '#domain/devices/index.ts';
import { IdentityProviders, ProviderClient } from '#domain/identity-providers/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { HashQueue, PasswordHashes, type PasswordRules } from '#domain/passwords/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { RegistrationHook } from '#domain/registrations/index.ts';
import { Revocations } from '#domain/revocations/index.ts';
import { AccessTokens } from '#domain/session-issuance/index.ts';
import { LastClients, LastSeen, SessionCheck } from '#domain/sessions/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { Users } from '#domain/users/index.ts';
import { type Clock, MovableClock, systemClock } from '#kernel/clock.ts';
import { DeploymentClock } from '#kernel/deployment-clock.ts';
import { idMaker, type MakeId } from '#kernel/ids.ts';
import { connectionsPath } from '#pages/own-path.ts';
import { ReturnAddresses } from '#pages/return-address.ts';
import type { CommittedEffects, Database } from '#platform/database/index.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { type Keys, openKeys, type Reload } from '#platform/keys/index.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { createLogger, createMetrics, type Logger, type Metrics, type Tracer } from '#platform/telemetry/index.ts';
import { AfterCommit } from './after-commit.ts';
import { type OpenBrand, openBrand } from './brand.ts';
import { ClockSkew } from './clock-skew.ts';
import { wireLimits } from './limits.ts';
import { ensureSchema, type OpenDatabase, openDatabase, type Presence } from './open-database.ts';
import { openKek } from './open-kek.ts';
import { OpenResources } from './open-resources.ts';
import { wireOutbound } from './outbound.ts';
import { wirePasswords } from './passwords.ts';
import { SecretUsers } from './secret-reload.ts';
import { openTracing } from './tracing.ts';
import { version } from './version.ts';

/** The parts that a caller replaces. */
export interface Overrides {
  /** Used as it is, without regard to the database's clock. */
  readonly clock?: Clock;
  /** The clock of the machine, which a node corrects to the database's. */
  readonly machineClock?: Clock;
  readonly logger?: Logger;
  /** Made from the files of the brand by default; tests give languages that are not shipped. */
  readonly brand?: OpenBrand;
  /** Gets everything that is opened; closed here when that fails. */
  readonly resources?: OpenResources;
  /** Gets the parts that can replace their secrets. */
  readonly secretUsers?: SecretUsers;
  /** True for every command but `serve`: nothing that is missing is created. */
  readonly existing?: boolean;
  /** True for `serve` and `work`, which export traces where that is configured. */
  readonly exportsTelemetry?: boolean;
}

/** Everything that servers, workers and commands are made of. Nothing runs before `running.ts` starts it. */
export type Services = Awaited<ReturnType<typeof wire>>;

/** Opens the database, the keys and everything on top of them. */
export async function wire(config: Config, overrides: Overrides = {}) {
  const logger = overrides.logger ?? createLogger({ ...config.log, service: 'latchkey', version });
  const resources = overrides.resources ?? new OpenResources(logger);
  try {
    const presence = overrides.existing === true || config.mode === 'production' ? 'existing' : 'create';
    const brand = overrides.brand ?? openBrand(config);
    const { exportsTelemetry = false, secretUsers = new SecretUsers(config) } = overrides;
    const clocks = clocksOf(config, overrides);
    return await wireOnto(resources, config, { clocks, logger, presence, brand, exportsTelemetry, secretUsers });
  } catch (error) {
    await resources.close();
    throw error;
  }
}

interface Wiring {
  readonly clocks: Clocks;
  readonly logger: Logger;
  readonly presence: Presence;
  readonly brand: OpenBrand;
  readonly exportsTelemetry: boolean;
  readonly secretUsers: SecretUsers;
}

async function wireOnto(resources: OpenResources, config: Config, wiring: Wiring) {
  const { clocks, logger, presence, brand, exportsTelemetry, secretUsers } = wiring;
  const { clock } = clocks;
  const metrics = createMetrics();
  // First, so that it is closed last and exports the end of everything else.
  const tracer = exportsTelemetry ? await openTracing(config, { metrics, logger, resources, secretUsers }) : undefined;
  const afterCommit = new AfterCommit(metrics);
  const onCommitted = (effects: CommittedEffects) => afterCommit.deliver(effects);
  const dependencies = new Dependencies({ clock, logger });
  const watchers = { clock, logger, dependencies, metrics, resources, secretUsers, onCommitted };
  const opened = await openDatabase(config, watchers, presence);
  // Before the first id is generated: ids contain the time, and never go back.
  const clockSkew = await watchSkew(clocks, opened, logger);
  await ensureSchema(config, opened.database, { clock, presence });
  const ground: Ground = {
    config,
    version,
    ...clocks,
    clockSkew,
    logger,
    metrics,
    tracer,
    dependencies,
    resources,
    secretUsers,
    afterCommit,
    opened,
    database: opened.database,
    makeId: idMaker(clock),
  };
  const keys = await wireKeys(ground, presence);
  const hashing = await wireHashing(ground);
  const outward: Outward = { ...brand, outbound: wireOutbound(ground) };
  const passwordRules = await wirePasswords({ ...ground, ...outward });
  const clients = new Clients({ ...ground, issuer: config.http.publicUrl });
  await clients.load();
  const providers = await wireProviders({ ...ground, ...keys, ...outward });
  const limiting = wireLimits({ ...ground, ...keys });
  return {
    ...wireModules({ ...ground, ...keys, ...hashing, ...outward, passwordRules, clients, ...providers }),
    ...limiting,
    close: () => resources.close(),
  };
}

interface Clocks {
  readonly clock: Clock;
  /** The same clock where it can be moved from outside; undefined in production. */
  readonly movableClock: MovableClock | undefined;
  /** The base of `clock`; undefined where `clock` is given. */
  readonly deploymentClock: DeploymentClock | undefined;
}

function clocksOf({ mode }: Config, { clock: given, machineClock = systemClock }: Overrides): Clocks {
  const deploymentClock = given === undefined ? new DeploymentClock(machineClock) : undefined;
  const base = given ?? deploymentClock ?? machineClock;
  if (mode === 'production') return { clock: base, movableClock: undefined, deploymentClock };
  const clock = base instanceof DeploymentClock ? new MovableClock(base) : base;
  return { clock, movableClock: clock instanceof MovableClock ? clock : undefined, deploymentClock };
}

/** On the embedded database there is only one machine. */
async function watchSkew({ deploymentClock: clock }: Clocks, opened: OpenDatabase, logger: Logger) {
  if (clock === undefined || opened.kind === 'embedded') return undefined;
  const clockSkew = new ClockSkew({ clock, database: opened.database, logger });
  await clockSkew.measure();
  return clockSkew;
}

/** The dependencies that nearly everything needs. */
interface Ground extends Clocks {
  readonly config: Config;
  /** Undefined where the clock is given, and on the embedded database. */
  readonly clockSkew: ClockSkew | undefined;
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined: no traces. */
  readonly tracer: Tracer | undefined;
  readonly resources: OpenResources;
  readonly secretUsers: SecretUsers;
  readonly dependencies: Dependencies;
  readonly afterCommit: AfterCommit;
  readonly opened: OpenDatabase;
  readonly database: Database;
  readonly makeId: MakeId;
}

async function wireKeys({ config, database, clock, makeId, logger, secretUsers }: Ground, presence: Presence) {
  const kek = await openKek(config, presence === 'create' ? database : undefined);
  const onReload = reloadReporter(logger);
  const keys = await openKeys({ database, kek, clock, makeId, onReload });
  // Another KEK cannot decrypt the keys in the database.
  secretUsers.add(
    'LATCHKEY_KEK',
    (now) => now.keys.kek,
    () => false,
  );
  const algorithm = config.keys.signingAlgorithm;
  const signingKeys = await new SigningKeys({ database, keys, clock, algorithm, onReload }).open();
  return { keys, signingKeys };
}

async function wireHashing({ config, clock, metrics, database }: Ground) {
  const { argon2, hashConcurrency, hashQueueLength } = config.passwords;
  const onWait = (seconds: number) => metrics.observe('password_hash_wait_seconds', {}, seconds);
  const waits = { clock, onWait };
  const hashQueue = new HashQueue({ concurrency: hashConcurrency, queueLength: hashQueueLength, waits });
  const parameters = { memoryKib: argon2.memoryKib, iterations: argon2.passes, parallelism: argon2.parallelism };
  return {
    hashQueue,
    concurrentAttempts: new ConcurrentAttempts(),
    unfinishedAttempts: new UnfinishedAttempts({ database }),
    hashes: await PasswordHashes.create(hashQueue, parameters),
  };
}

async function wireProviders(ground: Ground & Outward & { readonly keys: Keys }) {
  const identityProviders = new IdentityProviders(ground);
  await identityProviders.refresh();
  ground.catalogues.hides = (section) => section === connectionsPath && identityProviders.all().length === 0;
  const production = ground.config.mode === 'production';
  const secretOf = (provider: { readonly id: string }) => identityProviders.secretOf(provider);
  return { identityProviders, providerClient: new ProviderClient({ ...ground, production, secretOf }) };
}

/** Translations, and requests to other servers. */
interface Outward extends OpenBrand {
  readonly outbound: Outbound;
}

type Keyed = Ground & Awaited<ReturnType<typeof wireKeys>> & Awaited<ReturnType<typeof wireHashing>>;
type Ruled = Keyed & Outward & { readonly passwordRules: PasswordRules };

/** Rows that every process reads again while it runs. */
interface Reread extends Awaited<ReturnType<typeof wireProviders>> {
  readonly clients: Clients;
}

function wireModules(ground: Ruled & Reread) {
  const { config, database, clock, logger, keys, makeId, metrics } = ground;
  const audit = new AuditLog({ keys, makeId });
  const accessTokens = new AccessTokens({ ...ground, issuer: config.http.publicUrl });
  // An erased user's key must leave the memory of every node; any other is decrypted again when it is needed.
  const onUserRevoked = (userId: string) => keys.forgetUserKey(userId);
  const onSigningKeyRevoked = (kid: string) => ground.signingKeys.forget(kid);
  const revocations = new Revocations({
    database,
    clock,
    onError: onFeedError(logger),
    onUserRevoked,
    onSigningKeyRevoked,
    onOtherDatabase: () => readAgain(ground),
  });
  ground.afterCommit.publishTo(revocations);
  const lastSeen = new LastSeen({ database, onError: (error) => logger.warn('last-seen times were lost', { error }) });
  const verifyToken = (text: string) => accessTokens.verify(text);
  return {
    ...ground,
    makeRequestId: randomUUID,
    onLogin: (method: string, outcome: string) => metrics.count('logins_total', { method, outcome }),
    onRefresh: (outcome: string) => metrics.count('refreshes_total', { outcome }),
    stepUpSeconds: config.stepUpSeconds,
    secondFactorFor: config.secondFactorFor,
    audit,
    registrationHook: wireRegistrationHook({ ...ground, keys }, audit),
    accessTokens,
    revocations,
    lastClients: new LastClients(),
    lastSeen,
    users: new Users({ database, clock, keys }),
    passkeys: config.passkeys,
    returnAddresses: new ReturnAddresses({ clients: ground.clients, isDevelopment: config.mode !== 'production' }),
    tokens: new OneTimeTokens({ keys, makeId }),
    devices: new DeviceTokens(keys),
    mail: new MailLedger({ makeId, publicUrl: config.http.publicUrl }),
    refreshTokens: new RefreshTokens({ database, clock, keys }),
    sessions: new SessionCheck({ database, clock, revocations, lastSeen, verifyToken }),
  };
}

/** After a restore, the keys and clients in memory may not be those of the database: nothing may be encrypted with them. */
function readAgain({ keys, signingKeys, clients, identityProviders, logger }: Ruled & Reread): void {
  logger.warn('the database was restored or another server took over; everything is read again');
  const reloads = [keys.refresh(), signingKeys.refresh(), clients.refresh(), identityProviders.refresh()];
  for (const reload of reloads) reload.catch((error: unknown) => logger.warn('a reload failed', { error }));
}

function wireRegistrationHook(
  ground: Ground & Outward & { readonly keys: Keys },
  audit: AuditLog,
): RegistrationHook | undefined {
  const settings = ground.config.registrationHook;
  if (settings === undefined) return undefined;
  const hook = new RegistrationHook({ ...ground, audit, settings });
  ground.secretUsers.add(
    'LATCHKEY_REGISTRATION_HOOK_SECRET',
    ({ registrationHook }) => registrationHook?.secret,
    (secret) => {
      hook.useSecret(secret);
      return true;
    },
  );
  return hook;
}

function reloadReporter(logger: Logger) {
  return (reload: Reload): void => {
    if (reload.kind === 'failed') logger.warn('keys could not be read again', { error: reload.error });
    else logger.info('keys were read again');
  };
}

// The feed is read four times a second: a failure is logged every ten seconds at most.
function onFeedError(logger: Logger): (error: unknown) => void {
  let lastSaidMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - lastSaidMs < 10_000) return;
    lastSaidMs = nowMs;
    logger.warn('the revocation feed cannot be read', { error });
  };
}
