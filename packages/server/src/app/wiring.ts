/** The composition root: every object is built once, here, top to bottom. */
import { randomUUID } from 'node:crypto';
import type { Config } from '#config/index.ts';
import { AccessTokens } from '#domain/access-tokens/index.ts';
import { AuditLog } from '#domain/audit/index.ts';
import { Clients } from '#domain/clients/index.ts';
import { DeviceTokens } from '#domain/devices/index.ts';
import { Endings } from '#domain/endings/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { HashQueue, PasswordHashes } from '#domain/passwords/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { LastSeen, SessionCheck } from '#domain/sessions/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { Users } from '#domain/users/index.ts';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import { preparePrivateDirectory } from '#platform/data-directory/index.ts';
import { kekOfDirectory, localKek, openKeys } from '#platform/keys/index.ts';
import { createLogger, createMetrics, type Logger } from '#platform/telemetry/index.ts';
import { ensureSchema, openDatabase } from './open-database.ts';
import { version } from './version.ts';

/** What a test, or the development clock, may put in place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Everything that serving, working and the commands are made of. Nothing runs by itself before `app/running.ts` starts it. */
export type Services = Awaited<ReturnType<typeof wire>>;

/** Opens the database, the keys and everything on top of them. */
export async function wire(config: Config, overrides: Overrides = {}) {
  const clock = overrides.clock ?? systemClock;
  const logger = overrides.logger ?? createLogger({ level: config.log.level, service: 'latchkey', version });
  const metrics = createMetrics();
  const makeId = idMaker(clock);
  const opened = await openDatabase(config, { clock, logger, metrics });
  const { database } = opened;
  try {
    await ensureSchema(config, database, clock);
    const kek = config.keys.kek
      ? localKek(config.keys.kek)
      : kekOfDirectory(await preparePrivateDirectory(config.dataDirectory));
    const onReload = reloadReporter(logger);
    const keys = await openKeys({ database, kek, clock, makeId, onReload });
    const algorithm = config.keys.signingAlgorithm;
    const signingKeys = await new SigningKeys({ database, keys, clock, algorithm, onReload }).open();
    const issuer = config.http.publicUrl;
    const clients = new Clients({ database, clock, issuer });
    await clients.load();

    const audit = new AuditLog({ keys, makeId });
    const users = new Users({ database, clock, keys });
    const { argon2, hashConcurrency, hashQueueLength } = config.passwords;
    const hashQueue = new HashQueue({ concurrency: hashConcurrency, queueLength: hashQueueLength });
    const parameters = { memoryKib: argon2.memoryKib, iterations: argon2.passes, parallelism: argon2.parallelism };
    const hashes = await PasswordHashes.create(hashQueue, parameters);
    const tokens = new OneTimeTokens({ keys, makeId });
    const devices = new DeviceTokens(keys);
    const mail = new MailLedger({ makeId, publicUrl: config.http.publicUrl });
    const refreshTokens = new RefreshTokens({ database, clock, keys, audit });
    const { audience } = clients.default;
    const accessTokens = new AccessTokens({ signingKeys, clock, makeId, issuer, audience });
    const endings = new Endings({ database, clock, onError: onFeedError(logger) });
    const lastSeen = new LastSeen({
      database,
      onError: (error) => logger.warn('last-seen times were lost', { error }),
    });
    const verifyToken = (text: string) => accessTokens.verify(text);
    const sessions = new SessionCheck({ database, clock, endings, lastSeen, verifyToken });

    return {
      config,
      version,
      clock,
      logger,
      metrics,
      makeId,
      makeRequestId: randomUUID,
      opened,
      database,
      keys,
      signingKeys,
      clients,
      audit,
      users,
      hashQueue,
      hashes,
      tokens,
      devices,
      mail,
      refreshTokens,
      accessTokens,
      endings,
      lastSeen,
      sessions,
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function reloadReporter(logger: Logger) {
  return (reload: { readonly kind: 'reloaded' } | { readonly kind: 'failed'; readonly error: unknown }): void => {
    if (reload.kind === 'failed') logger.warn('keys could not be read again', { error: reload.error });
    else logger.info('keys were read again');
  };
}

// The feed asks four times a second: a failure is said once, until it is over.
function onFeedError(logger: Logger): (error: unknown) => void {
  let lastSaidMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - lastSaidMs < 10_000) return;
    lastSaidMs = nowMs;
    logger.warn('the endings feed cannot be read', { error });
  };
}
