/**
 * Clients: the applications that sessions and tokens are for. Owns `clients`.
 * Invariant: the row `default` exists before anything is served; its lifetimes rule every login that names no client.
 */

import { present } from '#kernel/assert.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

export { isOrigin } from './origin.ts';

/** One client, with its lifetimes. */
export interface Client {
  readonly id: string;
  /** The `aud` of its access tokens. */
  readonly audience: string;
  readonly accessTokenLifetimeSeconds: number;
  readonly refreshTokenLifetimeSeconds: number;
  readonly refreshGraceSeconds: number;
  readonly sessionIdleSeconds: number;
  readonly sessionLifetimeSeconds: number;
  /** Origins of its pages, whose scripts may ask the API by tokens. */
  readonly origins: readonly string[];
}

const insertDefault = statement('clients.insert_default', {
  lane: 'pool',
  sql: `insert into clients (id, kind, name, created_at) values ('default', 'first_party', 'Default', :now)
    on conflict (id) do nothing`,
  params: { now: 'timestamptz' },
  columns: {},
});

const find = statement('clients.find', {
  lane: 'read',
  sql: `select id, audience, access_token_lifetime_seconds, refresh_token_lifetime_seconds, refresh_grace_seconds,
      session_idle_seconds, session_lifetime_seconds, origins
    from clients where id = :id`,
  params: { id: 'text' },
  columns: {
    id: 'text',
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

/** Lists the origins of the default client's pages; every process knows them `clientsRefreshSeconds` later. */
export async function listOrigins(tx: Queries, origins: readonly string[]): Promise<void> {
  await tx.run(setOrigins, { id: 'default', origins });
}

/** How often each process reads clients again. */
export const clientsRefreshSeconds = 30;

/** The clients of this deployment; for now the one that every login is for. */
export class Clients {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #issuer: string;
  #default: Client | undefined;

  /** `issuer` is the audience of clients that name none. */
  constructor(dependencies: { readonly database: Database; readonly clock: Clock; readonly issuer: string }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#issuer = dependencies.issuer;
  }

  /** Makes sure that the default client is there, and reads it. */
  async load(): Promise<void> {
    await this.#database.run(insertDefault, { now: this.#clock.now() });
    await this.refresh();
  }

  /** Reads it again. */
  async refresh(): Promise<void> {
    const row = present(await this.#database.row(find, { id: 'default' }), 'the default client');
    this.#default = { ...row, audience: row.audience === '' ? this.#issuer : row.audience };
  }

  /** The client of every login that names none. */
  get default(): Client {
    return present(this.#default, 'the default client');
  }
}

/** When a session of this client ends if it stays in use, and if it does not. */
export function sessionExpiries(client: Client, now: Date): { readonly expiresAt: Date; readonly idleExpiresAt: Date } {
  return {
    expiresAt: addSeconds(now, client.sessionLifetimeSeconds),
    idleExpiresAt: addSeconds(now, client.sessionIdleSeconds),
  };
}
