/**
 * When sessions were last used: collected in memory and written in one batch every 30 s, so that a check writes
 * nothing.
 */
import { type Database, statement } from '#platform/database/index.ts';

const flushEveryMs = 30_000;
/** The sessions of a busy node between two writes; beyond it the batch is written early. */
const maxPending = 20_000;

const write = statement('sessions.write_last_seen', {
  lane: 'counter',
  sql: `update sessions s set last_seen_at = seen.at,
      idle_expires_at = seen.at + make_interval(secs => c.session_idle_seconds)
    from unnest(:ids::uuid[], :times::timestamptz[]) as seen (id, at), clients c
    where s.id = seen.id and c.id = s.client_id and s.ended_at is null and s.last_seen_at < seen.at`,
  params: { ids: 'uuid[]', times: 'timestamptz[]' },
  columns: {},
  idempotent: true,
});

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
    this.#timer = setInterval(() => this.#flushInBackground(), flushEveryMs);
    this.#timer.unref();
  }

  /** Stops the timer and writes the pending times. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    await this.flush();
  }

  note(sessionId: string, at: Date): void {
    this.#pending.set(sessionId, at);
    if (this.#pending.size >= maxPending) this.#flushInBackground();
  }

  /** Writes the pending times. A failed write loses them, which only makes a session look idle a little earlier. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return;
    const pending = this.#pending;
    this.#pending = new Map();
    // Sorted, so that two nodes that write the same sessions lock them in one order.
    const ids = [...pending.keys()].sort();
    const times = ids.map((id) => pending.get(id) as Date);
    await this.#database.run(write, { ids, times });
  }

  #flushInBackground(): void {
    if (this.#flushing !== undefined) return;
    this.#flushing = this.flush()
      .catch(this.#onError)
      .finally(() => {
        this.#flushing = undefined;
      });
  }
}
