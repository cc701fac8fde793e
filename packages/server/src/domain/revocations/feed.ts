/** Reading the feed: one small statement every 250 ms, and whether this node's memory is fresh enough to be trusted. */
import { present } from '#kernel/assert.ts';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { type CommittedRevocation, type Database, statement, type Values } from '#platform/database/index.ts';
import { keptSeconds } from './fragment.ts';
import { type CheckedAccess, type Revocation, RevocationSet } from './revocation-set.ts';
import { UnseenIds } from './unseen-ids.ts';

const pollMs = 250;
const trustMs = 1000;
/** Longer than any of our transactions can stay open, so that a late commit of a small id is still seen. */
const overlapMs = 30_000;
const sweepEveryMs = 10_000;
/** At the start, rows older than this were inserted before every open transaction began, whatever the clock skew. */
const settledMs = 2 * overlapMs;

/** Bounds the memory of one read, also at the start and after an outage. */
const pageSize = 2000;

/**
 * Always returns a row, with the facts about the database before those of a revocation. `origin` changes with the server
 * (failover), with the table (restore of a dump) and with the incarnation (any other restore). `assigned` is the highest
 * id that the sequence has assigned; null for a role that may not read it.
 */
const readNew = statement('revocations.read_new', {
  lane: 'read',
  sql: `select o.origin, o.assigned, o.read_only, e.id, e.kind, e.target, e.epoch, e.ended_at, e.expires_at
    from (
      select concat_ws('/', (select incarnation from deployment), extract(epoch from pg_postmaster_start_time()),
          pg_relation_filenode('revocations')) as origin,
        case when has_sequence_privilege('revocations_id_seq', 'select')
          then coalesce(pg_sequence_last_value('revocations_id_seq'), 0) end as assigned,
        current_setting('transaction_read_only')::bool as read_only) as o
    left join lateral (
      select f.id, f.kind, f.target, f.epoch, f.ended_at, f.expires_at
      from unnest(:firsts::int8[], :lasts::int8[]) as unseen (first, last), lateral (
        select id, kind, target, epoch, ended_at, expires_at from revocations
        where id between unseen.first and unseen.last and expires_at > :after
        order by id limit ${pageSize}) as f
      limit ${pageSize}) as e on true`,
  params: { firsts: 'int8[]', lasts: 'int8[]', after: 'timestamptz' },
  columns: {
    origin: 'text',
    assigned: 'int8?',
    readOnly: 'bool',
    id: 'int8?',
    kind: 'text?',
    target: 'text?',
    epoch: 'int4?',
    endedAt: 'timestamptz?',
    expiresAt: 'timestamptz?',
  },
});

type FeedRow = Values<typeof readNew.columns>;

type FeedRevocation = Revocation & { readonly id: number; readonly endedAt: Date };

/** The only row of a read that finds nothing has no revocation. */
function hasRevocation(row: FeedRow): row is FeedRow & FeedRevocation {
  return row.id !== null;
}

/** A write that changes no row: a server that cannot write rejects it. */
const probeWrite = statement('revocations.probe_write', {
  lane: 'write',
  sql: 'delete from revocations where id = 0',
  params: {},
  columns: {},
  idempotent: true,
});

/** At most one reconnect in this time, so that two servers behind one address cause no storm. */
const reconnectEveryMs = 5000;

const deleteExpired = statement('revocations.delete_expired', {
  lane: 'pool',
  sql: `delete from revocations where id in (select id from revocations where expires_at < :now order by expires_at
    limit :limit offset :skip)`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** The revocations that this node knows, and how fresh that knowledge is. */
export class Revocations {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #onUserRevoked: (userId: string) => void;
  readonly #onSigningKeyRevoked: (kid: string) => void;
  readonly #onOtherDatabase: () => void;
  readonly #set = new RevocationSet();
  /**
   * The highest ids seen, with the time of the read's end. An id that is missing below a mark older than the overlap
   * never comes.
   */
  #marks: { readMs: number; id: number }[] = [];
  #highestId = 0;
  #unseen = new UnseenIds();
  #origin: string | undefined;
  #generation = 0;
  #reconnectedMs = Number.NEGATIVE_INFINITY;
  #trustedUntilMs = Number.NEGATIVE_INFINITY;
  #sweptMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param dependencies `onUserRevoked` is called for each user of whom something was revoked, `onSigningKeyRevoked`
   * for each revoked key, both repeatedly: their cached values must be dropped. `onOtherDatabase` is called after the
   * database was restored or another server took over: everything that was read before must be read again.
   */
  constructor(dependencies: {
    database: Database;
    clock: Clock;
    onError: (error: unknown) => void;
    onUserRevoked?: (userId: string) => void;
    onSigningKeyRevoked?: (kid: string) => void;
    onOtherDatabase?: () => void;
  }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#onError = dependencies.onError;
    this.#onUserRevoked = dependencies.onUserRevoked ?? (() => undefined);
    this.#onSigningKeyRevoked = dependencies.onSigningKeyRevoked ?? (() => undefined);
    this.#onOtherDatabase = dependencies.onOtherDatabase ?? (() => undefined);
  }

  /** Reads everything that has not expired, and then again every 250 ms. Throws if the first read fails. */
  async start(): Promise<void> {
    await this.read();
    this.#schedule();
  }

  /** Stops reading; a second later nothing remembered is trusted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#reading;
  }

  /** Whether this node's memory is fresh enough to be trusted now. */
  trusted(): boolean {
    return this.#clock.monotonicMs() < this.#trustedUntilMs;
  }

  /** Milliseconds since the start of the last successful read, for readiness and metrics. */
  ageMs(): number {
    return this.#clock.monotonicMs() - (this.#trustedUntilMs - trustMs);
  }

  /**
   * Changes when the database is restored or another server takes over. Whatever was read in an earlier generation must
   * be read again: the feed has no rows for what the database has lost.
   */
  get generation(): number {
    return this.#generation;
  }

  isRevoked(access: CheckedAccess): boolean {
    return this.#set.isRevoked(access);
  }

  /** Whether what was read of a user at `readMs` of the monotonic clock may be outdated. */
  isProfileChanged(userId: string, readMs: number): boolean {
    return this.#set.isProfileChanged(userId, readMs);
  }

  /** Learns immediately of a revocation that this node committed; the feed returns it later. */
  publish(committed: CommittedRevocation): void {
    const expiresAt = addSeconds(this.#clock.now(), keptSeconds);
    this.#learn({ ...committed, expiresAt }, this.#clock.monotonicMs());
  }

  /** One read. Public, so that a test can time it. */
  async read(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const outcome = await this.#readPages(startedMs);
    // The second read is the first of the new generation, and reads everything.
    if (outcome === 'other_database') await this.#readPages(startedMs);
    this.#trustedUntilMs = startedMs + trustMs;
    if (startedMs - this.#sweptMs >= sweepEveryMs) {
      this.#sweptMs = startedMs;
      this.#set.sweep(this.#clock.now(), startedMs);
    }
  }

  async #readPages(startedMs: number): Promise<'read' | 'other_database'> {
    // Only the first read, before which nothing is remembered, skips expired rows: another node computed the expiry by
    // its clock, and this node's clock may be ahead.
    const isFirst = this.#marks.length === 0;
    const now = this.#clock.now();
    const after = isFirst ? now : new Date(0);
    const settledBefore = isFirst ? now.getTime() - settledMs : Number.NEGATIVE_INFINITY;
    let settled = 0;
    let revocations: readonly FeedRevocation[];
    do {
      const page = await this.#readPage(after);
      if (this.#isOfOtherDatabase(present(page[0], 'the facts about the database'))) return 'other_database';
      revocations = page.filter(hasRevocation);
      for (const row of revocations) {
        this.#learn(row, this.#clock.monotonicMs());
        this.#unseen.add(row.id);
        if (row.id > this.#highestId) this.#highestId = row.id;
        if (row.endedAt.getTime() <= settledBefore && row.id > settled) settled = row.id;
      }
    } while (revocations.length === pageSize);
    // Without this mark, a starting node would read all expired rows again, four times a second, for half a minute.
    if (isFirst) this.#marks.push({ readMs: startedMs - overlapMs, id: settled });
    // After the pages: a node that was suspended or could not reach its database for longer than the overlap has not read the
    // missing ids since they were committed.
    this.#unseen.settle(this.#settledId(startedMs));
    // At the end of the last page, because its ids can have been assigned long after the first page was read.
    this.#marks.push({ readMs: this.#clock.monotonicMs(), id: this.#highestId });
    return 'read';
  }

  /** Throws when the database rejects a write, as readiness must know. Changes nothing. */
  async probeWrite(): Promise<void> {
    await this.#database.run(probeWrite, {});
  }

  /**
   * Forgets everything when the database is not the one of the last read, or has gone back in time. A server that is
   * read-only may have a successor whose revocations it does not receive, so nothing is read from it.
   */
  #isOfOtherDatabase({ origin, assigned, readOnly }: FeedRow): boolean {
    if (readOnly) {
      this.#reconnect();
      throw new Problem('unavailable', { log: 'PostgreSQL is read-only, so its revocation feed may be out of date' });
    }
    const before = this.#origin;
    this.#origin = origin;
    if (before === undefined || (before === origin && (assigned ?? this.#highestId) >= this.#highestId)) return false;
    this.#generation += 1;
    this.#marks = [];
    this.#highestId = 0;
    this.#unseen = new UnseenIds();
    this.#set.forgetEpochs();
    this.#reconnect();
    this.#onOtherDatabase();
    return true;
  }

  /** Connections that are open can lead to the server of before. */
  #reconnect(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#reconnectedMs < reconnectEveryMs) return;
    this.#reconnectedMs = nowMs;
    this.#database.reconnect();
  }

  /** Deletes expired rows and returns how many; a sweeping job calls it. */
  async deleteExpired(batch: Batch = wholeBatch): Promise<number> {
    return this.#database.run(deleteExpired, { now: this.#clock.now(), ...batch });
  }

  #readPage(after: Date): Promise<readonly FeedRow[]> {
    const { runs } = this.#unseen;
    const firsts = runs.map(({ first }) => first);
    return this.#database.rows(readNew, { firsts, lasts: runs.map(({ last }) => last), after });
  }

  #learn(row: Revocation, learntMs: number): void {
    this.#set.add(row, learntMs);
    if (row.kind === 'user') this.#onUserRevoked(row.target);
    if (row.kind === 'signing_key') this.#onSigningKeyRevoked(row.target);
  }

  // All ids up to the highest of 30 s ago are complete. Of the later ones only missing ids are read again, because they
  // can belong to an open transaction; reading everything again would mean 30 s of revocations four times a second.
  #settledId(nowMs: number): number {
    let known = 0;
    let keepFrom = 0;
    for (const [index, mark] of this.#marks.entries()) {
      if (mark.readMs > nowMs - overlapMs) break;
      known = mark.id;
      keepFrom = index;
    }
    this.#marks = this.#marks.slice(keepFrom);
    return known;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#reading = this.read()
        .catch(this.#onError)
        .finally(() => {
          this.#reading = undefined;
          this.#schedule();
        });
    }, pollMs);
    this.#timer.unref();
  }
}
