/** Resources that rows share (a PostgreSQL, servers on it, users), each created on first use. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresCluster, startPostgres } from '../../packages/server/test/support/postgres-cluster.ts';
import { type System, type SystemOptions, startSystem } from './system.ts';
import { addUsers, type BenchUser } from './users.ts';

export interface LabOptions {
  readonly windows: number;
  readonly seconds: number;
  readonly profileDirectory: string | undefined;
}

/** Owns what runs; `close` stops everything. */
export class Lab {
  readonly options: LabOptions;
  readonly directory: string = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  #cluster: Promise<PostgresCluster> | undefined;
  #prepared: Promise<System> | undefined;
  #hashing: Promise<System> | undefined;
  #tracing: Promise<System> | undefined;
  #users: BenchUser[] = [];

  constructor(options: LabOptions) {
    this.options = options;
    process.once('exit', () => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** The database of all rows. It keeps fsync, so that pgbench and Latchkey are as durable as in production. */
  async databaseUrl(): Promise<string> {
    this.#cluster ??= startPostgres({ durable: true });
    return (await this.#cluster).adminUrl;
  }

  /** A server with the smallest hash, used to create users and to measure everything except hashing. */
  system(): Promise<System> {
    this.#prepared ??= this.#start('system', {});
    return this.#prepared;
  }

  /** A server with the product's own hash parameters. */
  hashingSystem(): Promise<System> {
    // The other server migrates the database.
    this.#hashing ??= this.system().then(() => this.#start('system', { fullHash: true }));
    return this.#hashing;
  }

  /** A server like `system` that sends its traces to this collector. */
  tracingSystem(tracesTo: string): Promise<System> {
    this.#tracing ??= this.system().then(() => this.#start('tracing', { tracesTo, hasNoJobs: true }));
    return this.#tracing;
  }

  /** At least `count` users, created on the server with the smallest hash. */
  async users(count: number): Promise<readonly BenchUser[]> {
    const missing = count - this.#users.length;
    if (missing > 0) this.#users.push(...(await this.newUsers(missing)));
    return this.#users.slice(0, count);
  }

  /**
   * Users for one row alone.
   *
   * @throws Error after `hashingSystem`: of two servers on one database each takes mail of the other, into its own inbox.
   */
  async newUsers(count: number): Promise<BenchUser[]> {
    if (this.#hashing !== undefined) throw new Error('users are added before the server with the full hash starts');
    return addUsers(await this.system(), count);
  }

  async close(): Promise<void> {
    for (const system of [this.#tracing, this.#hashing, this.#prepared]) await (await system)?.stop();
    await (await this.#cluster)?.stop();
  }

  async #start(name: string, more: Pick<SystemOptions, 'fullHash' | 'tracesTo' | 'hasNoJobs'>): Promise<System> {
    const { profileDirectory } = this.options;
    const databaseUrl = await this.databaseUrl();
    return startSystem({ databaseUrl, dataDirectory: join(this.directory, name), profileDirectory, ...more });
  }
}
