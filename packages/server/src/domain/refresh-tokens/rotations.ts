/**
 * The rotations of concurrent requests, in one statement. Most of what a rotation costs PostgreSQL is paid for each
 * statement: starting the plan, and flushing the log (ADR 0043).
 *
 * Requests that arrive in one turn of the event loop go together, and so do those that arrive while enough statements run.
 * A single request waits for the end of the turn only. Example with two statements at once: 32 requests arrive, then 5
 * while both run: 32 rotate in one statement, and the 5 in the next one.
 */
import { sessionIsActive } from '#domain/sessions/index.ts';
import { concernsAllRows } from '#kernel/batches.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { type Database, statement, type Values } from '#platform/database/index.ts';

/** How far the clocks of two nodes may differ. A use that is later still was stored by a wrong clock, and has no grace. */
export const toleranceSeconds = 10;

const rotatedColumns = {
  place: 'int4',
  sessionId: 'uuid',
  userId: 'uuid',
  subject: 'text',
  clientId: 'text',
  acr: 'text',
  amr: 'text[]',
  authTime: 'timestamptz',
  sessionExpiresAt: 'timestamptz',
  sealedClientInfo: 'bytea?',
  wrapped: 'bytea',
  expiresAt: 'timestamptz',
} as const;

/**
 * All parts read the snapshot from before the statement. The row lock of the update orders concurrent uses of one
 * token, and each of them evaluates the conditions on that row again. That is enough: a concurrent change that ends the
 * session takes effect at the next use, and its revocation reaches every node. The hashes are distinct and sorted, so that
 * two statements lock rows in one order.
 */
const rotate = statement('refresh_tokens.rotate', {
  lane: 'write',
  sql: `with used as (
      update refresh_tokens t
      set uses = t.uses + 1, consumed_at = coalesce(t.consumed_at, :now),
        successor_key_id = coalesce(t.successor_key_id, :keyId)
      from unnest(:hashes::bytea[], :successorHashes::bytea[]) with ordinality as p (hash, successor_hash, place),
        refresh_families f, sessions s, users u, user_keys k, clients c
      where t.hash = p.hash and f.id = t.family_id and s.id = f.session_id and u.id = s.user_id and k.user_id = u.id
        and c.id = f.client_id
        and t.expires_at > :now and f.ended_at is null and ${sessionIsActive}
        and (t.consumed_at is null or (t.successor_key_id = :keyId
          and t.consumed_at > :now::timestamptz - make_interval(secs => c.refresh_grace_seconds)
          and t.consumed_at <= :now::timestamptz + make_interval(secs => ${toleranceSeconds})))
        and not exists (select from refresh_tokens n where n.hash = p.successor_hash and n.consumed_at is not null)
      returning p.place, p.successor_hash, t.family_id, s.id as session_id, s.user_id, u.subject, s.client_id, s.acr,
        s.amr, s.auth_time, s.expires_at as session_expires_at, s.sealed_client_info, k.wrapped,
        least(t.consumed_at + make_interval(secs => c.refresh_token_lifetime_seconds), s.expires_at) as expires_at),
    successor as (
      insert into refresh_tokens (hash, family_id, issued_at, expires_at)
      select successor_hash, family_id, :now, expires_at from used
      on conflict (hash) do nothing)
    select place::int4, session_id, user_id, subject, client_id, acr, amr, auth_time, session_expires_at,
      sealed_client_info, wrapped, expires_at
    from used`,
  params: { hashes: 'bytea[]', successorHashes: 'bytea[]', keyId: 'uuid', now: 'timestamptz' },
  columns: rotatedColumns,
  idempotent: true,
});

/** The facts of a token that was exchanged. */
export type Rotated = Omit<Values<typeof rotatedColumns>, 'place'>;

interface Rotation {
  readonly hash: Buffer;
  readonly successorHash: Buffer;
  /** The key that computed the successor. */
  readonly keyId: string;
}

interface Waiting extends Rotation {
  readonly resolve: (row: Rotated | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** While one is in PostgreSQL, the process prepares the other. */
const statementsAtOnce = 2;
const rotationsAtOnce = 64;
const waitingAtMost = 10_000;

export class Rotations {
  readonly #database: Database;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #running = 0;
  #isScheduled = false;

  constructor({ database, clock }: { readonly database: Database; readonly clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Exchanges one token. Returns undefined, and changes nothing, when it may not be exchanged.
   *
   * @throws Problem `busy`; an error of the database.
   */
  async rotate(rotation: Rotation): Promise<Rotated | undefined> {
    if (this.#waiting.length >= waitingAtMost) throw new Problem('busy', { log: 'too many refreshes wait' });
    const { promise, resolve, reject } = Promise.withResolvers<Rotated | undefined>();
    this.#waiting.push({ ...rotation, resolve, reject });
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#start();
      });
    }
    return promise;
  }

  #start(): void {
    while (this.#running < statementsAtOnce && this.#waiting.length > 0) void this.#run(this.#take());
  }

  /** Takes those of one key, each token once: a second use of a token follows in a later statement. */
  #take(): readonly Waiting[] {
    const taken = new Map<string, Waiting>();
    const left: Waiting[] = [];
    const keyId = this.#waiting[0]?.keyId;
    for (const waiting of this.#waiting) {
      const name = waiting.hash.toString('latin1');
      if (waiting.keyId !== keyId || taken.size === rotationsAtOnce || taken.has(name)) left.push(waiting);
      else taken.set(name, waiting);
    }
    this.#waiting = left;
    return [...taken.values()].sort((a, b) => a.hash.compare(b.hash));
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    this.#running += 1;
    await this.#send(batch);
    this.#running -= 1;
    this.#start();
  }

  /** After an error each rotates alone, so that one that fails stops no other (invariant 22). */
  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.#query(batch);
      for (const [index, { resolve }] of batch.entries()) resolve(rows.get(index + 1));
    } catch (error) {
      if (batch.length > 1 && !concernsAllRows(error)) await Promise.all(batch.map((one) => this.#send([one])));
      else for (const { reject } of batch) reject(error);
    }
  }

  /** The exchanged tokens by their place in the batch, from 1. */
  async #query(batch: readonly Waiting[]): Promise<ReadonlyMap<number, Rotated>> {
    const rows = await this.#database.rows(rotate, {
      hashes: batch.map(({ hash }) => hash),
      successorHashes: batch.map(({ successorHash }) => successorHash),
      keyId: (batch[0] as Waiting).keyId,
      now: this.#clock.now(),
    });
    return new Map(rows.map(({ place, ...rotated }) => [place, rotated]));
  }
}
