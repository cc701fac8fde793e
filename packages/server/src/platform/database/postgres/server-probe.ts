/** Looks for the refusals of a PostgreSQL server that no statement on an open connection finds. */
import { reasonOf } from '../errors.ts';
import type { PostgresOptions } from '../options.ts';
import { connectClient, type SessionSettings } from './connecting.ts';

/** How often a server is probed that has refused nothing. */
const probeEveryMs = 10_000;

/**
 * Its one page makes the server extend a file, which a full disk refuses; an update in place is not refused. Dropped at
 * the end of the statement.
 */
const needsSpace = 'create temporary table latchkey_probe on commit drop as select 1 as filled';
const insufficientPrivilege = '42501';

export class ServerProbe {
  readonly #options: PostgresOptions;
  readonly #settings: SessionSettings;
  #nextMs = Number.NEGATIVE_INFINITY;
  #probing: Promise<string | undefined> | undefined;

  constructor(options: PostgresOptions, settings: SessionSettings) {
    this.#options = options;
    this.#settings = settings;
  }

  /** Makes the next call probe, because the server refused a statement or a connection, or closed one. */
  suspect(): void {
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Why the server would refuse a connection or a write, or undefined. It opens a connection and writes a page, every 10 s
   * and at each call while the server refuses.
   */
  async findRefusal(): Promise<string | undefined> {
    if (this.#options.clock.monotonicMs() < this.#nextMs) return undefined;
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #probe(): Promise<string | undefined> {
    const nextMs = this.#options.clock.monotonicMs() + probeEveryMs;
    try {
      const client = await connectClient(this.#options, this.#settings, { pipeline: false, probe: false });
      try {
        await client.query(needsSpace);
      } finally {
        await client.end();
      }
    } catch (error) {
      // A role that may not create temporary tables can still serve.
      if ((error as { readonly code?: unknown }).code !== insufficientPrivilege) return reasonOf(error);
    }
    this.#nextMs = nextMs;
    return undefined;
  }
}
