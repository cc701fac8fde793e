/** A running process: the revocation feed, timers, workers and listeners. */
import type { Readiness } from '#flows/probes/index.ts';
import { pageRenderer } from '#pages/renderer.ts';
import { writeBackup } from '#platform/database/index.ts';
import {
  type Authenticate,
  buildServer,
  type Endpoint,
  type HttpServer,
  Overload,
  type Presented,
  type ServerOptions,
} from '#platform/http/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import { BreakingTransport, Inbox, type MailTransport, Smtp } from '#platform/mail/index.ts';
import { sharesCookies } from '#protocol/cookie-domain/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { ClientAddresses } from './client-addresses.ts';
import { type EndpointDeps, opsEndpoints, publicEndpoints } from './endpoints.ts';
import { buildWorkers } from './jobs.ts';
import type { Lifecycle } from './lifecycle.ts';
import { openReadiness } from './readiness-checks.ts';
import { Timers } from './timers.ts';
import { watchValues } from './watched-values.ts';
import type { Services } from './wiring.ts';

export interface Roles {
  readonly http: boolean;
  readonly jobs: boolean;
}

export interface RunOptions {
  readonly roles: Roles;
  readonly lifecycle: Lifecycle;
  /** One of several processes: it shares the public port, and its parent has the operator's listener. */
  readonly isOneOfSeveral: boolean;
}

const maxJsonDepth = 32;

/**
 * Starts the parts of the roles. The operator's listener is first, so that it shows that the process starts and stops; the
 * public one is last, so that the first request finds everything running.
 */
export async function run(services: Services, options: RunOptions): Promise<Readiness> {
  const { roles, lifecycle } = options;
  const { resources } = services;
  const transport = mailTransport(services);
  const inbox = transport instanceof Inbox ? transport : undefined;
  const workers = roles.jobs ? buildWorkers(services, transport) : undefined;
  const readiness = openReadiness(services, () => lifecycle.unready);
  watchValues(services, { readiness, transport });
  if (!options.isOneOfSeveral) {
    const deps = { readiness, inbox, betweenJobs: betweenJobsOf(workers) };
    await openListener(services, options, "the operator's listener", opsEndpoints(services, deps));
  }
  writeBackupAtStop(services, lifecycle);
  resources.add('mail connections', () => transport.close());
  await startTimers(services, workers?.kinds ?? []);
  if (workers !== undefined) {
    workers.start();
    const stop = () => workers.stop({ graceMs: lifecycle.graceLeftMs });
    resources.add('jobs', stop, () => lifecycle.graceLeftMs + settleMs);
  }
  if (roles.http) {
    const endpoints = publicEndpoints(services, { readiness });
    await openListener(services, options, 'the public listener', endpoints, startOverload(services));
  }
  return readiness;
}

async function startTimers(services: Services, kinds: readonly string[]): Promise<void> {
  const { resources, revocations, lastSeen } = services;
  const timers = new Timers(services, kinds);
  await revocations.start();
  resources.add('the revocation feed', () => revocations.stop());
  lastSeen.start();
  resources.add('last-seen times', () => lastSeen.stop());
  timers.start();
  resources.add('timers', () => timers.stop());
}

function startOverload(services: Services): Overload {
  const overload = new Overload(services);
  overload.start();
  services.resources.add('load shedding', () => overload.stop());
  return overload;
}

/** After the grace period, for what is being written. */
const settleMs = 3000;

async function openListener(
  services: Services,
  { lifecycle, isOneOfSeveral }: RunOptions,
  name: 'the public listener' | "the operator's listener",
  endpoints: readonly Endpoint[],
  overload?: Overload,
): Promise<void> {
  const { http, ops } = services.config;
  const server = await serverOf(services, endpoints, overload);
  await server.listen(
    name === 'the public listener'
      ? { hosts: http.hosts, port: http.port, reusePort: isOneOfSeveral }
      : { hosts: [ops.host], port: ops.port, settings: { hosts: 'LATCHKEY_OPS_HOST', port: 'LATCHKEY_OPS_PORT' } },
  );
  const close = () => server.close({ graceMs: lifecycle.graceLeftMs });
  services.resources.add(name, close, () => lifecycle.graceLeftMs + settleMs);
  lifecycle.onStopping(() => server.drain());
}

/** The dump of the embedded database needs no external service, so it may take long. */
const backupMs = 120_000;

/** Not after an error, nor after a failed start, which a service manager may repeat every second. */
function writeBackupAtStop({ opened, clock, resources }: Services, lifecycle: Lifecycle): void {
  if (opened.kind !== 'embedded') return;
  const write = async () => {
    if (lifecycle.isOrderlyStop) await writeBackup(opened.database, opened.directory.path, clock.now());
  };
  resources.add('the backup', write, () => backupMs);
}

/** Runs work while no job of this process runs. */
export function betweenJobsOf(workers: JobWorkers | undefined): EndpointDeps['betweenJobs'] {
  return async (work) => (workers === undefined ? work() : workers.betweenJobs(work));
}

/** A server of a list of endpoints; tests call it in the process. */
export function serverOf(services: Services, endpoints: readonly Endpoint[], overload?: Overload): Promise<HttpServer> {
  const { config, logger, metrics, tracer, clock, makeRequestId } = services;
  const clientAddresses = new ClientAddresses({ trusted: config.http.trustedProxies, logger, clock });
  return buildServer({
    endpoints,
    authenticate: (presented) => authenticate(services, presented),
    logger,
    metrics,
    tracer,
    publicUrl: new URL(config.http.publicUrl),
    cookieDomain: cookieDomainOf(services),
    production: config.mode === 'production',
    clock,
    parseJson: (text) => parseStrictJson(text, { maxDepth: maxJsonDepth }),
    resolveClientAddress: (hops) => clientAddresses.resolve(hops),
    isTrustedPeer: (socketAddress) => clientAddresses.isTrustedPeer(socketAddress),
    makeRequestId,
    limiter: services.limits,
    overload,
    limits: { keepAliveMs: config.http.keepAliveSeconds * 1000 },
    pages: pageRenderer(services.catalogues),
    isListedOrigin: (origin) => services.clients.isListedOrigin(origin),
  });
}

function cookieDomainOf({ config }: Services): ServerOptions['cookieDomain'] {
  const name = config.http.cookieDomain;
  return name === undefined ? undefined : { name, includes: (origin) => sharesCookies(origin, name) };
}

/** The principal of an active session; without a promise when the session is cached. */
function authenticate({ sessions }: Services, { bearer, sessionCookie }: Presented): ReturnType<Authenticate> {
  if (bearer !== undefined) return sessions.check({ transport: 'token', text: bearer });
  return sessions.check({ transport: 'cookie', text: sessionCookie ?? '' });
}

function mailTransport({ config, clock, dependencies, secretUsers }: Services): MailTransport {
  const { smtp: server, ehloName } = config.mail;
  if (server === undefined) return new Inbox();
  const smtp = new Smtp({ server, ehloName, maxConnections: config.jobs.concurrency });
  secretUsers.add(
    'SMTP_URL',
    ({ mail }) => mail.smtp,
    async (now) => {
      await smtp.useServer(now);
      return true;
    },
  );
  return new BreakingTransport(smtp, { clock, dependencies });
}
