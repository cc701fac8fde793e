/** Reading the feed: one small statement every 250 ms, and whether this node's memory is fresh enough to be trusted. */
import { addSeconds, type Clock } from '#kernel/clock.ts';
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

const readNew = statement('revocations.read_new', {
  lane: 'read',
  sql: `select e.id, e.kind, e.target, e.epoch, e.ended_at, e.expires_at
    from unnest(:firsts::int8[], :lasts::int8[]) as unseen (first, last), lateral (
      select id, kind, target, epoch, ended_at, expires_at from revocations
      where id between unseen.first and unseen.last and expires_at > :after
      order by id limit ${pageSize}) as e
    limit ${pageSize}`,
  params: { firsts: 'int8[]', lasts: 'int8[]', after: 'timestamptz' },
  columns: {
    id: 'int8',
    kind: 'text',
    target: 'text',
    epoch: 'int4?',
    endedAt: 'timestamptz',
    expiresAt: 'timestamptz',
  },
});

type FeedRow = Values<typeof readNew.columns>;

const deleteExpired = statement('revocations.delete_expired', {
  lane: 'pool',
  sql: `delete from revocations where id in (select id from revocations where expires_at < :now order by expires_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** The revocations that this node knows, and how fresh that knowledge is. */
export class Revocations {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #onUserRevoked: (userId: string) => void;
  readonly #onSigningKeyRevoked: (kid: string) => void;
  readonly #set = new RevocationSet();
  /**
   * The highest ids seen, with the time of the read's end. An id that is missing below a mark older than the overlap
   * never comes.
   */
  #marks: { readMs: number; id: number }[] = [];
  #highestId = 0;
  readonly #unseen = new UnseenIds();
  #trustedUntilMs = Number.NEGATIVE_INFINITY;
  #sweptMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param dependencies `onUserRevoked` is called for each user of whom something was revoked, `onSigningKeyRevoked`
   * for each revoked key, both repeatedly: their cached values must be dropped.
   */
  constructor(dependencies: {
    database: Database;
    clock: Clock;
    onError: (error: unknown) => void;
    onUserRevoked?: (userId: string) => void;
    onSigningKeyRevoked?: (kid: string) => void;
  }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#onError = dependencies.onError;
    this.#onUserRevoked = dependencies.onUserRevoked ?? (() => undefined);
    this.#onSigningKeyRevoked = dependencies.onSigningKeyRevoked ?? (() => undefined);
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
    // Only the first read, before which nothing is remembered, skips expired rows: another node computed the expiry by
    // its clock, and this node's clock may be ahead.
    const isFirst = this.#marks.length === 0;
    const now = this.#clock.now();
    const after = isFirst ? now : new Date(0);
    const settledBefore = isFirst ? now.getTime() - settledMs : Number.NEGATIVE_INFINITY;
    this.#unseen.settle(this.#settledId(startedMs));
    let settled = 0;
    let page: readonly FeedRow[];
    do {
      page = await this.#readPage(after);
      for (const row of page) {
        this.#learn(row, this.#clock.monotonicMs());
        this.#unseen.add(row.id);
        if (row.id > this.#highestId) this.#highestId = row.id;
        if (row.endedAt.getTime() <= settledBefore && row.id > settled) settled = row.id;
      }
    } while (page.length === pageSize);
    // Without this mark, a starting node would read all expired rows again, four times a second, for half a minute.
    if (isFirst) this.#marks.push({ readMs: startedMs - overlapMs, id: settled });
    // At the end of the last page, because its ids can have been assigned long after the first page was read.
    this.#marks.push({ readMs: this.#clock.monotonicMs(), id: this.#highestId });
    this.#trustedUntilMs = startedMs + trustMs;
    if (startedMs - this.#sweptMs >= sweepEveryMs) {
      this.#sweptMs = startedMs;
      this.#set.sweep(this.#clock.now(), startedMs);
    }
  }

  /** Deletes expired rows and returns how many; a sweeping job calls it. */
  async deleteExpired(): Promise<number> {
    return this.#database.run(deleteExpired, { now: this.#clock.now() });
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
