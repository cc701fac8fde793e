/**
 * When sessions were last used: collected in memory and written in chunks on the pool every minute, so that a check writes
 * nothing, and so that no login waits behind the times of thousands of sessions.
 */
import { concernsAllRows } from '#kernel/batches.ts';
import { type Database, statement } from '#platform/database/index.ts';

const flushEveryMs = 60_000;
const chunkSize = 500;
/** More sessions than a node remembers. Beyond it new ones are not noted, which makes a session look idle earlier. */
const maxPending = 100_000;
/** Enough to find one row among 500 whose update fails. */
const maxFailures = 12;

// A time is written when the stored one is two minutes old, or a tenth of a shorter idle timeout. A row that is locked is
// being ended or written by another node, and is left alone. `any(:ids)` leads to the rows by the index, whatever
// PostgreSQL believes about the length of the arrays.
const write = statement('sessions.write_last_seen', {
  lane: 'pool',
  sql: `with due as materialized (
      select s.id, seen.at, c.session_idle_seconds
      from sessions s join clients c on c.id = s.client_id
        join unnest(:ids::uuid[], :times::timestamptz[]) as seen (id, at) on seen.id = s.id
      where s.id = any(:ids) and s.ended_at is null
        and s.last_seen_at <= seen.at - make_interval(secs => least(120, c.session_idle_seconds / 10))
      for no key update of s skip locked)
    update sessions s set last_seen_at = due.at, idle_expires_at = due.at + make_interval(secs => due.session_idle_seconds)
    from due where s.id = due.id and s.ended_at is null and s.last_seen_at < due.at`,
  params: { ids: 'uuid[]', times: 'timestamptz[]' },
  columns: {},
  idempotent: true,
});

type Seen = readonly [id: string, at: Date];

/** The sessions that were used since the last write. */
export class LastSeen {
  readonly #database: Database;
  readonly #onError: (error: unknown) => void;
  #pending = new Map<string, Date>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;

  constructor(dependencies: { readonly database: Database; readonly onError: (error: unknown) => void }) {
    this.#database = dependencies.database;
    this.#onError = dependencies.onError;
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush().catch(this.#onError), flushEveryMs);
    this.#timer.unref();
  }

  /** Stops the timer and writes the pending times. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing?.catch(this.#onError);
    await this.flush();
  }

  note(sessionId: string, at: Date): void {
    if (this.#pending.size < maxPending || this.#pending.has(sessionId)) this.#pending.set(sessionId, at);
  }

  /**
   * Writes the pending times; a call during another one joins it. The times of failed chunks are kept for the next call.
   *
   * @throws the first error, after the other chunks were written.
   */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const taken = [...this.#pending];
    this.#pending = new Map();
    const chunks: Seen[][] = [];
    for (let start = 0; start < taken.length; start += chunkSize) chunks.push(taken.slice(start, start + chunkSize));
    const errors: unknown[] = [];
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      if (errors.length >= maxFailures || errors.some(concernsAllRows)) {
        this.#keep(chunk);
        continue;
      }
      try {
        await this.#write(chunk);
      } catch (error) {
        errors.push(error);
        if (concernsAllRows(error)) this.#keep(chunk);
        else chunks.unshift(...halves(chunk));
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  async #write(chunk: readonly Seen[]): Promise<void> {
    await this.#database.run(write, { ids: chunk.map(([id]) => id), times: chunk.map(([, at]) => at) });
  }

  /** Keeps times for the next write, unless the session was used again. */
  #keep(chunk: readonly Seen[]): void {
    for (const [id, at] of chunk) if (!this.#pending.has(id)) this.note(id, at);
  }
}

/** None for a single row: its time is lost, so that it does not make every write fail. */
function halves<T>(chunk: readonly T[]): T[][] {
  const middle = Math.ceil(chunk.length / 2);
  return chunk.length === 1 ? [] : [chunk.slice(0, middle), chunk.slice(middle)];
}
