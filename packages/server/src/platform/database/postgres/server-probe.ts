/** Looks for the refusals of a PostgreSQL server that no statement on an open connection finds. */
import type { QueryConfig } from 'pg';
import { reasonOf } from '../errors.ts';
import type { PostgresOptions } from '../options.ts';
import type { SessionSettings } from './connecting.ts';
import type { Destination } from './destination.ts';
import { writeSilenceMs } from './silence.ts';

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
  readonly #destination: Destination;
  readonly #settings: SessionSettings;
  #nextMs = Number.NEGATIVE_INFINITY;
  #probing: Promise<string | undefined> | undefined;

  constructor(options: PostgresOptions, destination: Destination, settings: SessionSettings) {
    this.#options = options;
    this.#destination = destination;
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
      const client = await this.#destination.connect(this.#settings, { pipeline: false, probe: false });
      try {
        await client.query({ text: needsSpace, query_timeout: writeSilenceMs } as QueryConfig);
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
