/** What runs by itself once it is started: the feed, the timers, the workers, the listeners; and how it all stops. */
import type { Config } from '#config/index.ts';
import type { CheckedSession } from '#domain/sessions/index.ts';
import type { Check } from '#flows/probes/index.ts';
import { assert } from '#kernel/assert.ts';
import { pageRenderer } from '#pages/renderer.ts';
import {
  type Authenticate,
  buildServer,
  type Endpoint,
  type HttpServer,
  type Presented,
  type Principal,
  type ServerOptions,
} from '#platform/http/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import { BreakingTransport, Inbox, type MailTransport, parseSmtpUrl, Smtp } from '#platform/mail/index.ts';
import { type Cidr, clientAddress, parseCidr } from '#protocol/network-address/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { type EndpointDeps, opsEndpoints, publicEndpoints } from './endpoints.ts';
import { buildWorkers } from './jobs.ts';
import { OperatorError } from './operator-error.ts';
import { readinessChecks } from './readiness-checks.ts';
import { stopAll } from './stopping.ts';
import { Timers } from './timers.ts';
import { watchValues } from './watched-values.ts';
import type { Services } from './wiring.ts';

/** Which parts this process runs. */
export interface Roles {
  readonly http: boolean;
  readonly jobs: boolean;
}

/** A running process. */
export interface Running {
  readonly services: Services;
  /** Undefined in a process that only works. */
  readonly publicServer: HttpServer | undefined;
  readonly inbox: Inbox | undefined;
  /** Turns unready, drains, finishes jobs, writes what is pending, closes. Safe to call twice. */
  stop(): Promise<void>;
}

const maxJsonDepth = 32;

/** Starts everything that the roles ask for. Listens last, so that whoever is answered is served. */
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
    const ops = await serverOf(services, opsEndpoints(services, checks));
    servers.push(ops);
    await ops.listen({ hosts: [config.ops.host], port: config.ops.port });
    if (!roles.http) return { services, publicServer: undefined, inbox, stop };
    const publicServer = await openPublic(services, checks, inbox, workers);
    servers.unshift(publicServer);
    return { services, publicServer, inbox, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openPublic(
  services: Services,
  checks: readonly Check[],
  inbox: Inbox | undefined,
  workers: JobWorkers | undefined,
): Promise<HttpServer> {
  const { config } = services;
  const endpoints = publicEndpoints(services, { checks, inbox, betweenJobs: betweenJobsOf(workers) });
  const server = await serverOf(services, endpoints);
  await server.listen({ hosts: config.http.hosts, port: config.http.port });
  return server;
}

/** Runs work while no job of this process runs; at once in a process without workers. */
export function betweenJobsOf(workers: JobWorkers | undefined): EndpointDeps['betweenJobs'] {
  return async (work) => (workers === undefined ? work() : workers.betweenJobs(work));
}

/** A server over a list of endpoints; also what tests reach in-process. */
export function serverOf(services: Services, endpoints: readonly Endpoint[]): Promise<HttpServer> {
  const { config, logger, metrics, clock, makeRequestId } = services;
  return buildServer({
    endpoints,
    authenticate: (presented) => authenticate(services, presented),
    logger,
    metrics,
    publicUrl: new URL(config.http.publicUrl),
    production: config.mode === 'production',
    clock,
    parseJson: (text) => parseStrictJson(text, { maxDepth: maxJsonDepth }),
    resolveClientAddress: addressResolver(trustedProxies(config)),
    makeRequestId,
    limiter: services.limits,
    pages: pageRenderer(services.catalogues),
    isListedOrigin: (origin) => services.clients.isListedOrigin(origin),
  });
}

const rememberedAddresses = 1024;

/** The client's address; that of a peer without a forwarding header is parsed once, not with each of its requests. */
function addressResolver(trusted: readonly Cidr[]): ServerOptions['resolveClientAddress'] {
  const direct = new Map<string, string>();
  return ({ socketAddress, forwardedFor }) => {
    if (forwardedFor !== undefined) return clientAddress({ socketAddress, forwardedFor: [forwardedFor], trusted });
    const known = direct.get(socketAddress);
    if (known !== undefined) return known;
    const address = clientAddress({ socketAddress, forwardedFor: [], trusted });
    if (direct.size >= rememberedAddresses) direct.clear();
    direct.set(socketAddress, address);
    return address;
  };
}

/** The gate: the live session that was presented, as a principal; at once when the session is remembered. */
function authenticate(services: Services, presented: Presented): ReturnType<Authenticate> {
  const { bearer, sessionCookie } = presented;
  const checked =
    bearer === undefined
      ? services.sessions.check({ transport: 'cookie', text: sessionCookie ?? '' })
      : services.sessions.check({ transport: 'token', text: bearer });
  if (!(checked instanceof Promise)) return principalOf(checked);
  return checked.then((live) => live && principalOf(live));
}

/** Made once for each remembered session; what it is made of never changes. */
const principals = new WeakMap<CheckedSession, Principal>();

function principalOf(checked: CheckedSession): Principal {
  const known = principals.get(checked);
  if (known !== undefined) return known;
  const { session, transport, expiresAt } = checked;
  const { userId, subject, clientId, authEpoch, acr, amr, authTime } = session;
  const sessionId = session.id;
  const made = { userId, subject, sessionId, clientId, authEpoch, acr, amr, authTime, transport, expiresAt };
  principals.set(checked, made);
  return made;
}

function trustedProxies(config: Config): readonly Cidr[] {
  return config.http.trustedProxies.map((text) => {
    const cidr = parseCidr(text);
    assert(cidr !== null, 'the configuration checked the proxy ranges');
    return cidr;
  });
}

function mailTransport({ config, clock }: Services): MailTransport {
  if (config.mail.smtpUrl === undefined) return new Inbox();
  const parsed = parseSmtpUrl(config.mail.smtpUrl);
  if (parsed.kind === 'invalid') throw new OperatorError(`SMTP_URL cannot be used: ${parsed.reason}.`, 78);
  return new BreakingTransport(new Smtp({ server: parsed.server, maxConnections: config.jobs.concurrency }), { clock });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => {
    started ??= work();
    return started;
  };
}
