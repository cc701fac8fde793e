/** The product in this process, on a migrated database of its own. Every response is checked against the contract. */
import { randomBytes } from 'node:crypto';
import type { OpenBrand } from '#app/brand.ts';
import { developmentEndpoints, publicEndpoints } from '#app/endpoints.ts';
import { buildWorkers } from '#app/jobs.ts';
import { openReadiness } from '#app/readiness-checks.ts';
import { betweenJobsOf, serverOf } from '#app/running.ts';
import { type Services, wire } from '#app/wiring.ts';
import { type FileReader, loadConfig } from '#config/index.ts';
import { present } from '#kernel/assert.ts';
import { type Clock, MovableClock } from '#kernel/clock.ts';
import type { ProblemCode } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Endpoint, HttpServer } from '#platform/http/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import { Inbox, type MailTransport } from '#platform/mail/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { copyEmbedded, remove } from './embedded-template.ts';
import { highLimits } from './high-limits.ts';
import { recordResponses } from './observed-responses.ts';
import { cloneDatabase } from './postgres.ts';
import { renderedForm } from './rendered-form.ts';
import { type ReadResponse, ResponseChecks } from './response-checks.ts';

export interface ApplicationOptions {
  /** Settings, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** The content of `latchkey.config.json`. */
  readonly settingsFile?: string;
  /** Opens another node of this application's deployment, with the same database, keys, clock and inbox. */
  readonly deploymentOf?: Application;
  /** By default a copy of the migrated template on PostgreSQL. */
  readonly databaseKind?: Database['kind'];
  /** Base of the wall clock; the system clock by default. Another node of a deployment then has a clock of its own. */
  readonly time?: Clock;
  /**
   * Seconds by which the clock of this node's machine is ahead of the database's. The node follows the database's clock,
   * as in production.
   */
  readonly skewSeconds?: number;
  /** Starts no revocation feed, workers or timers, so that tests count round trips and run jobs themselves. */
  readonly manual?: true;
  /** `shipped`: the limits that an operator gets. By default limits that tests do not reach. */
  readonly limits?: 'shipped';
  /** By default made from the settings of the brand. */
  readonly brand?: OpenBrand;
  /** The mail transport; by default the inbox alone. */
  readonly transport?: (inbox: Inbox) => MailTransport;
}

export interface RequestOptions {
  readonly token?: string;
  readonly cookie?: string;
  readonly json?: unknown;
  /** A form, sent with the form token and cookie of a page that was rendered before, unless `headers` set a cookie. */
  readonly form?: Readonly<Record<string, string>>;
  /** A raw body; `headers` set its content type. */
  readonly bytes?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly peerAddress?: string;
}

/** A parsed response that passed the contract checks. */
export interface AppResponse<T = unknown> extends ReadResponse {
  /** Undefined when the response is a problem. */
  readonly data: T;
  readonly code: ProblemCode | undefined;
  readonly errors: readonly { readonly path: string; readonly code: string }[];
  readonly cookies: readonly string[];
}

/** The smallest Argon2 parameters, for tests in which the cost of the hash does not matter. */
const cheapHash = { LATCHKEY_ARGON2_MEMORY_KIB: '8', LATCHKEY_ARGON2_TIME: '1', LATCHKEY_ARGON2_PARALLELISM: '1' };

/** Settings without which some well-known documents do not exist. */
const wellKnown = {
  LATCHKEY_SECURITY_CONTACT: 'mailto:security@people.example',
  LATCHKEY_CHANGE_PASSWORD_URL: 'https://app.people.example/password',
  LATCHKEY_PASSKEY_ORIGINS: 'https://app.people.example',
};

/** A running product; call `close` after use. */
export class Application {
  readonly services: Services;
  readonly clock: MovableClock;
  readonly inbox: Inbox;
  /** Those of the public listener and `/dev/*` of the operator's. */
  readonly endpoints: readonly Endpoint[];
  readonly server: HttpServer;
  /** Serves `/dev/*` alone. */
  readonly opsServer: HttpServer;
  readonly checks: ResponseChecks;
  /** Environment variables that another node of this deployment needs. */
  readonly deployment: Readonly<Record<string, string>>;
  /** Tests run the jobs, because no worker is started. */
  readonly isManual: boolean;
  readonly #workers: JobWorkers | undefined;

  private constructor(parts: Parts, [server, opsServer]: readonly [HttpServer, HttpServer], checks: ResponseChecks) {
    this.services = parts.services;
    this.clock = parts.clock;
    this.inbox = parts.inbox;
    this.endpoints = [...parts.endpoints, ...parts.development];
    this.deployment = parts.deployment;
    this.isManual = parts.workers === undefined;
    this.#workers = parts.workers;
    this.server = server;
    this.opsServer = opsServer;
    this.checks = checks;
  }

  /** Wires and starts the product. */
  static async open(options: ApplicationOptions = {}): Promise<Application> {
    const parts = await assemble(options);
    const server = await serverOf(parts.services, parts.endpoints);
    const opsServer = await serverOf(parts.services, parts.development);
    if (options.manual === undefined) {
      await parts.services.revocations.start();
      parts.workers?.start();
    }
    const request = new Request(`${parts.services.config.http.publicUrl}/openapi.json`);
    const document = await (await server.fetch(request, { peerAddress: '127.0.0.1' })).text();
    return new Application(parts, [server, opsServer], new ResponseChecks(document));
  }

  /** Stops everything. Throws when no request was sent, because then no response was checked. */
  async close(): Promise<void> {
    await this.server.close({ graceMs: 0 });
    await this.opsServer.close({ graceMs: 0 });
    await this.#workers?.stop({ graceMs: 1_000 });
    await this.services.revocations.stop();
    await this.services.lastSeen.stop();
    await this.services.close();
    const { LATCHKEY_DATA_DIR: directory } = this.deployment;
    if (directory !== undefined) await remove(directory);
    if (this.checks.observed.size === 0) throw new Error('no response was checked');
    recordResponses(this.checks.observed);
  }

  /** Sends a request in-process and checks the response against the contract. */
  async send<T = unknown>(method: string, path: string, sent: RequestOptions = {}): Promise<AppResponse<T>> {
    const request = new Request(this.services.config.http.publicUrl + path, { method, ...bodyOf(sent) });
    const server = path.startsWith('/dev/') ? this.opsServer : this.server;
    const response = await server.fetch(request, { peerAddress: sent.peerAddress ?? '127.0.0.1' });
    const { status, headers } = response;
    const text = await response.text();
    this.checks.check(method, path, { status, headers, text });
    return { status, headers, text, cookies: headers.getSetCookie(), ...membersOf<T>(headers, text) };
  }
}

interface Parts {
  readonly services: Services;
  readonly clock: MovableClock;
  readonly inbox: Inbox;
  readonly endpoints: readonly Endpoint[];
  readonly development: readonly Endpoint[];
  readonly workers: JobWorkers | undefined;
  readonly deployment: Readonly<Record<string, string>>;
}

async function assemble(options: ApplicationOptions): Promise<Parts> {
  const { env, deploymentOf, databaseKind, manual, limits, transport } = options;
  const deployment = deploymentOf?.deployment ?? {
    ...(databaseKind === 'embedded'
      ? { LATCHKEY_DATA_DIR: await copyEmbedded() }
      : { DATABASE_URL: await cloneDatabase() }),
    LATCHKEY_KEK: randomBytes(32).toString('base64'),
  };
  const logger = createLogger({
    level: 'silent',
    service: 'test',
    version: '0',
    destination: { write: () => undefined },
  });
  const defaults = { ...cheapHash, ...(limits === 'shipped' ? {} : highLimits), ...wellKnown };
  const config = await configure({ ...deployment, ...defaults, ...env }, options.settingsFile);
  const given = clockOf(options);
  const overrides = { ...given, logger, exportsTelemetry: true, ...(options.brand && { brand: options.brand }) };
  const services = await wire(config, overrides);
  const clock = given.clock ?? present(services.movableClock, 'the clock of a development node');
  const inbox = deploymentOf?.inbox ?? new Inbox();
  const workers = manual === undefined ? buildWorkers(services, transport?.(inbox) ?? inbox) : undefined;
  const readiness = openReadiness(services, () => undefined);
  const inboxShown = services.config.mode === 'production' ? undefined : inbox;
  const deps = { readiness, inbox: inboxShown, betweenJobs: betweenJobsOf(workers) };
  const [endpoints, development] = [publicEndpoints(services, deps), developmentEndpoints(services, deps)];
  return { services, clock, inbox, endpoints, development, workers, deployment };
}

/** Another node shares the clock of its deployment, unless it has one of its own. */
function clockOf({ deploymentOf, time, skewSeconds }: ApplicationOptions): {
  readonly clock?: MovableClock;
  readonly machineClock?: Clock;
} {
  if (skewSeconds === undefined && time !== undefined) return { clock: new MovableClock(time) };
  if (skewSeconds === undefined) return { clock: deploymentOf?.clock ?? new MovableClock() };
  const machineClock = new MovableClock();
  machineClock.advance(skewSeconds * 1000);
  return { machineClock };
}

async function configure(env: Readonly<Record<string, string>>, settingsFile: string | undefined) {
  const files: FileReader = (path) =>
    settingsFile !== undefined && path.endsWith('latchkey.config.json')
      ? { kind: 'text', text: settingsFile }
      : { kind: 'absent' };
  const loaded = await loadConfig({ env: { NODE_ENV: 'test', ...env }, files, cwd: import.meta.dirname });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

function bodyOf({ token, cookie, json, form, bytes, headers }: RequestOptions): RequestInit {
  const all = new Headers(headers);
  if (token !== undefined) all.set('authorization', `Bearer ${token}`);
  if (cookie !== undefined) all.set('cookie', cookie);
  if (json !== undefined) all.set('content-type', 'application/json');
  if (form !== undefined) all.set('content-type', 'application/x-www-form-urlencoded');
  if (form !== undefined && headers?.cookie === undefined) {
    all.set('cookie', [cookie, renderedForm.cookie].filter((text) => text !== undefined).join('; '));
  }
  const body = form === undefined ? bytes : new URLSearchParams({ ...renderedForm.fields, ...form }).toString();
  return { headers: all, body: json === undefined ? (body ?? null) : JSON.stringify(json) };
}

function membersOf<T>(headers: Headers, text: string): Pick<AppResponse<T>, 'data' | 'code' | 'errors'> {
  const isJson = /^application\/(problem\+)?json/.test(headers.get('content-type') ?? '');
  const body = (isJson && text !== '' ? JSON.parse(text) : {}) as Partial<AppResponse<T>>;
  return { data: body.data as T, code: body.code, errors: body.errors ?? [] };
}
