/** What the rows share: one PostgreSQL, the servers on it, and people; each is made when a row first asks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresCluster, startPostgres } from '../../packages/server/test/support/postgres-cluster.ts';
import { addPeople, type Person } from './people.ts';
import { type System, startSystem } from './system.ts';

/** What the caller of the bench chose. */
export interface LabOptions {
  readonly windows: number;
  readonly seconds: number;
  readonly profileDirectory: string | undefined;
}

/** Holds what runs; `close` ends all of it. */
export class Lab {
  readonly options: LabOptions;
  readonly directory: string = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  #cluster: Promise<PostgresCluster> | undefined;
  #prepared: Promise<System> | undefined;
  #hashing: Promise<System> | undefined;
  #people: Person[] = [];

  constructor(options: LabOptions) {
    this.options = options;
    process.once('exit', () => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** The database of all rows. It keeps fsync: what pgbench and we write is as durable as in production. */
  async databaseUrl(): Promise<string> {
    this.#cluster ??= startPostgres({ durable: true });
    return (await this.#cluster).adminUrl;
  }

  /** A server with the smallest hash, on which people are made and everything but hashing is measured. */
  system(): Promise<System> {
    this.#prepared ??= this.#start('system', {});
    return this.#prepared;
  }

  /** A server with the product's own hash. */
  hashingSystem(): Promise<System> {
    // The first one migrates.
    this.#hashing ??= this.system().then(() => this.#start('system', { fullHash: true }));
    return this.#hashing;
  }

  /** At least so many people, made on the system without the full hash. */
  async people(count: number): Promise<readonly Person[]> {
    const missing = count - this.#people.length;
    if (missing > 0) this.#people.push(...(await addPeople(await this.system(), missing)));
    return this.#people.slice(0, count);
  }

  async close(): Promise<void> {
    for (const system of [this.#hashing, this.#prepared]) await (await system)?.stop();
    await (await this.#cluster)?.stop();
  }

  async #start(name: string, more: { readonly fullHash?: true }): Promise<System> {
    const { profileDirectory } = this.options;
    const databaseUrl = await this.databaseUrl();
    return startSystem({ databaseUrl, dataDirectory: join(this.directory, name), profileDirectory, ...more });
  }
}
