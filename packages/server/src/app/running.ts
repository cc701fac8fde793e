/** A running process: it starts the revocation feed, timers, workers and listeners, and stops them. */
import type { Check } from '#flows/probes/index.ts';
import { pageRenderer } from '#pages/renderer.ts';
import {
  type Authenticate,
  buildServer,
  type Endpoint,
  type HttpServer,
  type Presented,
} from '#platform/http/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import { BreakingTransport, Inbox, type MailTransport, Smtp } from '#platform/mail/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { ClientAddresses } from './client-addresses.ts';
import { type EndpointDeps, opsEndpoints, publicEndpoints } from './endpoints.ts';
import { buildWorkers } from './jobs.ts';
import { readinessChecks } from './readiness-checks.ts';
import { stopAll } from './stopping.ts';
import { Timers } from './timers.ts';
import { watchValues } from './watched-values.ts';
import type { Services } from './wiring.ts';

export interface Roles {
  readonly http: boolean;
  readonly jobs: boolean;
}

export interface Running {
  readonly services: Services;
  /** Undefined in a process of `latchkey work`. */
  readonly publicServer: HttpServer | undefined;
  readonly inbox: Inbox | undefined;
  /** Turns `/readyz` red, drains the listeners, finishes jobs, writes pending data and closes. Idempotent. */
  stop(): Promise<void>;
}

const maxJsonDepth = 32;

/** Starts the parts of the roles. The listeners are last, so that the first request finds everything running. */
export async function run(services: Services, roles: Roles): Promise<Running> {
  const { config } = services;
  watchValues(services);
  const transport = mailTransport(services);
  const inbox = transport instanceof Inbox ? transport : undefined;
  const state = { stopping: false };
  const workers = roles.jobs ? buildWorkers(services, transport) : undefined;
  const checks = readinessChecks(services, () => state.stopping);
  const servers: HttpServer[] = [];
  const timers = new Timers(services);
  await services.revocations.start();
  services.lastSeen.start();
  timers.start();
  workers?.start();
  const stop = once(async () => {
    state.stopping = true;
    await stopAll(services, { servers, workers, timers, transport });
  });
  try {
    const deps = { checks, inbox, betweenJobs: betweenJobsOf(workers) };
    const ops = await serverOf(services, opsEndpoints(services, deps));
    servers.push(ops);
    await ops.listen({ hosts: [config.ops.host], port: config.ops.port });
    if (!roles.http) return { services, publicServer: undefined, inbox, stop };
    const publicServer = await openPublic(services, checks);
    servers.unshift(publicServer);
    return { services, publicServer, inbox, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openPublic(services: Services, checks: readonly Check[]): Promise<HttpServer> {
  const { config } = services;
  const server = await serverOf(services, publicEndpoints(services, { checks }));
  await server.listen({ hosts: config.http.hosts, port: config.http.port });
  return server;
}

/** Runs work while no job of this process runs. */
export function betweenJobsOf(workers: JobWorkers | undefined): EndpointDeps['betweenJobs'] {
  return async (work) => (workers === undefined ? work() : workers.betweenJobs(work));
}

/** A server of a list of endpoints; tests call it in the process. */
export function serverOf(services: Services, endpoints: readonly Endpoint[]): Promise<HttpServer> {
  const { config, logger, metrics, clock, makeRequestId } = services;
  const clientAddresses = new ClientAddresses({ trusted: config.http.trustedProxies, logger, clock });
  return buildServer({
    endpoints,
    authenticate: (presented) => authenticate(services, presented),
    logger,
    metrics,
    publicUrl: new URL(config.http.publicUrl),
    production: config.mode === 'production',
    clock,
    parseJson: (text) => parseStrictJson(text, { maxDepth: maxJsonDepth }),
    resolveClientAddress: (hops) => clientAddresses.resolve(hops),
    isTrustedPeer: (socketAddress) => clientAddresses.isTrustedPeer(socketAddress),
    makeRequestId,
    limiter: services.limits,
    pages: pageRenderer(services.catalogues),
    isListedOrigin: (origin) => services.clients.isListedOrigin(origin),
  });
}

/** The principal of an active session; without a promise when the session is cached. */
function authenticate({ sessions }: Services, { bearer, sessionCookie }: Presented): ReturnType<Authenticate> {
  if (bearer !== undefined) return sessions.check({ transport: 'token', text: bearer });
  return sessions.check({ transport: 'cookie', text: sessionCookie ?? '' });
}

function mailTransport({ config, clock }: Services): MailTransport {
  const { smtp: server } = config.mail;
  if (server === undefined) return new Inbox();
  return new BreakingTransport(new Smtp({ server, maxConnections: config.jobs.concurrency }), { clock });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => {
    started ??= work();
    return started;
  };
}
