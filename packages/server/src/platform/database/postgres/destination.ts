/**
 * The server that connections go to: the only one of the settings, or of several the one that accepts writes; connections
 * that only read go to the first that responds. It is looked for at the start, and again after a connection was lost, could
 * not be made, or found its server read-only.
 *
 * Example: `DATABASE_URL` names `db1` (primary) and `db2` (its standby).
 *
 * | time | event |
 * |---|---|
 * | 0 s | `db1` dies; each lost connection makes the destination doubtful |
 * | 50 ms | the lanes reconnect: one search for all. `db1` refuses, `db2` is read-only, so it fails, and they try again |
 * | 3 s | `db2` is promoted; the next search finds it, and `onMoved` replaces the connections that are left |
 * | 1 h | `db1` is started again by mistake. It accepts writes on timeline 1; `db2` is on timeline 2 and stays the primary |
 */
import { Client, type ClientBase, type ClientConfig } from 'pg';
import type { Endpoint, PostgresHost } from '../options.ts';
import {
  type Access,
  type ClientUse,
  clientConfig,
  connectTo,
  defaultConnectTimeoutMs,
  examineServer,
  type Reach,
  type SessionSettings,
} from './connecting.ts';
import { findServer, SeenTimelines, type Writable } from './server-search.ts';
import { settlePreference } from './tls.ts';

/** A client of a pool, and the server that it connects to. */
export interface PooledClient extends ClientBase {
  readonly endpoint: Endpoint;
}

export class Destination {
  readonly #reach: Reach;
  readonly #endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly #access: Access;
  readonly #onMoved: ((to: PostgresHost) => void) | undefined;
  readonly #seen = new SeenTimelines();
  /** Undefined until it is found, and while it is doubtful. */
  #current: Endpoint | undefined;
  #last: Endpoint | undefined;
  #search: Promise<Endpoint> | undefined;

  /** @param onMoved called when another server than before was found. */
  constructor(reach: Reach, access: Access = 'write', onMoved?: (to: PostgresHost) => void) {
    const { hosts, ...login } = reach.server;
    const [first, ...others] = hosts;
    this.#reach = reach;
    this.#endpoints = [{ ...login, ...first }, ...others.map((host) => ({ ...login, ...host }))];
    this.#access = access;
    this.#onMoved = onMoved;
  }

  /** The server of the moment; while it is doubtful, the last one. */
  get endpoint(): Endpoint {
    return this.#current ?? this.#last ?? this.#endpoints[0];
  }

  /** Whether a connection to this server leads to one that is not the destination any more. */
  hasMovedFrom(endpoint: Endpoint): boolean {
    return this.#last !== undefined && !isSame(this.#last, endpoint);
  }

  /** Makes the next connection search again, unless the destination has moved from `endpoint`. A single server stays it. */
  suspect(endpoint?: Endpoint): void {
    if (this.#endpoints.length === 1) return;
    if (endpoint === undefined || !this.hasMovedFrom(endpoint)) this.#current = undefined;
  }

  /**
   * Runs an attempt to connect; when it fails and there are several servers, once more after a search. A timeout is not
   * followed by a second one. Rejects with the error of the attempt, or NoServer.
   */
  async attempt<T>(connect: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    const endpoint = await this.#locate();
    try {
      return await connect(endpoint);
    } catch (error) {
      this.suspect(endpoint);
      if (this.#endpoints.length === 1 || isTimeout(error)) throw error;
    }
    return connect(await this.#locate());
  }

  /**
   * Returns a connected client.
   *
   * @param onLost called when the connection is lost after it was returned.
   */
  connect(
    settings: SessionSettings,
    use: ClientUse,
    onLost: (error: Error) => void = () => undefined,
  ): Promise<Client> {
    return this.attempt(async (endpoint) => {
      const client = await connectTo(endpoint, this.#reach, settings, use, onLost);
      if (!this.hasMovedFrom(endpoint)) return client;
      await client.end();
      throw new Error('another server has become the primary');
    });
  }

  /** The class of the clients of a pool, which makes them by itself: each connects to the server of its moment. */
  clients(more: ClientConfig & { readonly pipeline: boolean }): new () => PooledClient {
    const config = () => ({ ...clientConfig(this.endpoint, this.#reach), ...more });
    const endpointOf = () => this.endpoint;
    return class extends Client implements PooledClient {
      readonly endpoint = endpointOf();

      constructor() {
        super(config());
      }
    };
  }

  async #locate(): Promise<Endpoint> {
    if (this.#current !== undefined) return this.#current;
    this.#search ??= this.#find().finally(() => {
      this.#search = undefined;
    });
    return this.#search;
  }

  async #find(): Promise<Endpoint> {
    const timeoutMs = this.#reach.connectTimeoutMs ?? defaultConnectTimeoutMs;
    const found =
      this.#endpoints.length === 1
        ? await settlePreference(this.#endpoints[0], timeoutMs)
        : await this.#findAmongSeveral(timeoutMs);
    const isOther = this.#last !== undefined && !isSame(this.#last, found);
    this.#current = found;
    this.#last = found;
    if (isOther) this.#onMoved?.({ host: found.host, port: found.port });
    return found;
  }

  #findAmongSeveral(timeoutMs: number): Promise<Endpoint> {
    const examine = async (endpoint: Endpoint, signal: AbortSignal): Promise<Writable> => {
      const settled = await settlePreference(endpoint, timeoutMs);
      return { endpoint: settled, timeline: await examineServer(settled, this.#reach, this.#access, signal) };
    };
    return findServer(this.#endpoints, examine, this.#seen);
  }
}

function isSame(one: PostgresHost, other: PostgresHost): boolean {
  return one.host === other.host && one.port === other.port;
}

/** Of the driver, its pool, the operating system, or an aborted wait. */
const timeouts = /timeout|ETIMEDOUT|aborted/;

function isTimeout(error: unknown): boolean {
  return error instanceof Error && timeouts.test(error.message);
}
