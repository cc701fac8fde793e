/**
 * Clients (RFC 6749 §2): the applications that sessions and tokens are issued for. Owns `clients`; no routes.
 *
 * Invariants:
 * - The row `default` exists before the first request.
 * - No access token lives longer than `maxAccessTokenLifetimeSeconds`.
 * - Lifetimes and audience are looked up by client id where a session or token is issued or verified. A lookup reads
 *   memory that each process refreshes every `clientsRefreshSeconds`, and before it treats an id as unknown.
 */

import { assert, present } from '#kernel/assert.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { ReloadOnMiss } from '#kernel/reload-on-miss.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

export { isOrigin } from './origin.ts';

/** The client of a login that names none. */
export const defaultClientId = 'default';

/** Its name until an operator changes it. People know the application by its host instead. */
export const defaultClientName = 'Default';

/**
 * The longest access-token lifetime that a client can have; `clients_access_token_lifetime_bounded` is the same limit.
 * Revocations and retired signing keys are kept this long, so that no token outlives them after its client's lifetime
 * was lowered.
 */
export const maxAccessTokenLifetimeSeconds = 3600;

export interface Client {
  readonly id: string;
  /** As people read it. */
  readonly name: string;
  /** The `aud` of its access tokens. */
  readonly audience: string;
  readonly accessTokenLifetimeSeconds: number;
  readonly refreshTokenLifetimeSeconds: number;
  readonly refreshGraceSeconds: number;
  readonly sessionIdleSeconds: number;
  readonly sessionLifetimeSeconds: number;
  /** The origins of its pages. Their scripts may call the API with tokens, and our pages may lead back to them. */
  readonly origins: readonly string[];
}

const insertDefault = statement('clients.insert_default', {
  lane: 'pool',
  sql: `insert into clients (id, kind, name, created_at)
    values ('${defaultClientId}', 'first_party', '${defaultClientName}', :now)
    on conflict (id) do nothing`,
  params: { now: 'timestamptz' },
  columns: {},
});

const list = statement('clients.list', {
  lane: 'pool',
  sql: `select id, name, audience, access_token_lifetime_seconds, refresh_token_lifetime_seconds, refresh_grace_seconds,
      session_idle_seconds, session_lifetime_seconds, origins
    from clients`,
  params: {},
  columns: {
    id: 'text',
    name: 'text',
    audience: 'text',
    accessTokenLifetimeSeconds: 'int4',
    refreshTokenLifetimeSeconds: 'int4',
    refreshGraceSeconds: 'int4',
    sessionIdleSeconds: 'int4',
    sessionLifetimeSeconds: 'int4',
    origins: 'text[]',
  },
});

const setOrigins = statement('clients.set_origins', {
  lane: 'pool',
  sql: 'update clients set origins = :origins where id = :id',
  params: { id: 'text', origins: 'text[]' },
  columns: {},
});

/** Replaces the origins of a client's pages; every process applies them within `clientsRefreshSeconds`. */
export async function setClientOrigins(tx: Queries, clientId: string, origins: readonly string[]): Promise<void> {
  await tx.run(setOrigins, { id: clientId, origins });
}

export const clientsRefreshSeconds = 30;

/** The clients of this deployment, as this process last read them. */
export class Clients {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #issuer: string;
  #byId: ReadonlyMap<string, Client> = new Map();
  #byOrigin: ReadonlyMap<string, Client> = new Map();
  readonly #onMiss: ReloadOnMiss;

  /** @param dependencies `issuer`: the audience of clients that name none. */
  constructor(dependencies: { readonly database: Database; readonly clock: Clock; readonly issuer: string }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#issuer = dependencies.issuer;
    this.#onMiss = new ReloadOnMiss({ clock: this.#clock, reload: () => this.refresh() });
  }

  /** Inserts the default client unless it exists, and reads all clients. */
  async load(): Promise<void> {
    await this.#database.run(insertDefault, { now: this.#clock.now() });
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const rows = await this.#database.rows(list, {});
    const clients = rows.map((row) => ({ ...row, audience: row.audience === '' ? this.#issuer : row.audience }));
    for (const { id, accessTokenLifetimeSeconds } of clients) {
      const isBounded = accessTokenLifetimeSeconds <= maxAccessTokenLifetimeSeconds;
      assert(isBounded, `access tokens of client ${id} live longer than ${maxAccessTokenLifetimeSeconds} s`);
    }
    this.#byId = new Map(clients.map((client) => [client.id, client]));
    this.#byOrigin = new Map(clients.flatMap((client) => client.origins.map((origin) => [origin, client])));
  }

  /** The client with this id; undefined when there is none in the database either. */
  find(id: string): Promise<Client | undefined> {
    return this.#onMiss.find(id, (known) => this.#byId.get(known));
  }

  /** As `find`, for an id of a row. Throws when there is no such client. */
  async byId(id: string): Promise<Client> {
    return present(await this.find(id), `client ${id}`);
  }

  /** Whether a client lists this origin. */
  isListedOrigin(origin: string): boolean {
    return this.#byOrigin.has(origin);
  }

  /** A client that lists this origin, as this process last read it. */
  byOrigin(origin: string): Client | undefined {
    return this.#byOrigin.get(origin);
  }

  /** Every origin that a client lists. */
  get listedOrigins(): readonly string[] {
    return [...this.#byOrigin.keys()];
  }
}

/** The absolute and the idle expiry of a session of this client. */
export function sessionExpiries(client: Client, now: Date): { readonly expiresAt: Date; readonly idleExpiresAt: Date } {
  return {
    expiresAt: addSeconds(now, client.sessionLifetimeSeconds),
    idleExpiresAt: addSeconds(now, client.sessionIdleSeconds),
  };
}
