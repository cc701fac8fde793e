/**
 * A lane of pipelined connections of our own: pg's pool lends a connection to one query at a time and drops it at every
 * SQL error, and pg never reconnects. A statement goes to the connection with the least in flight; each is its own
 * transaction and fails alone.
 */
import { randomInt } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import type { Client, QueryArrayConfig } from 'pg';
import type { Clock } from '#kernel/clock.ts';
import { busy, ConnectionLost, endsSession, unavailable } from '../errors.ts';
import { type Answer, sendNamed } from './named-query.ts';

/** How a lane is made. */
export interface LaneOptions {
  readonly name: string;
  readonly connections: number;
  readonly clock: Clock;
  /** Makes a connected, pipelined client; tells of its loss from its first moment on. */
  connect(onLost: (error: Error) => void): Promise<Client>;
  onConnectionError(error: Error): void;
}

/** How long a statement waits for a connection when none is up. */
const connectionWaitMs = 2000;
const waitingAtMost = 1000;
const inFlightAtMostPerConnection = 2000;
/** A connection that answers nothing for this long, with statements in flight, is given up: the network ate it. */
const silenceAtMostMs = 15_000;
/** Longer than any statement of a lane may run. */
const endAtMostMs = 3000;
const reconnectFirstMs = 50;
const reconnectAtMostMs = 2000;

interface Live {
  readonly client: Client;
  /** When it was asked for, by the monotonic clock. */
  readonly begunMs: number;
  inFlight: number;
  lastAnswerMs: number;
  dead: boolean;
  /** Whether what is written to it is collected until the event loop has done what is there to do. */
  collecting: boolean;
}

/** Some pipelined connections that stand in for each other and come back by themselves. */
export class PipelinedLane {
  readonly #options: LaneOptions;
  readonly #live = new Set<Live>();
  readonly #connected = new EventEmitter().setMaxListeners(0);
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #watch: NodeJS.Timeout;
  #waiting = 0;
  #closed = false;

  private constructor(options: LaneOptions) {
    this.#options = options;
    this.#watch = setInterval(() => this.#giveUpSilent(), silenceAtMostMs / 3).unref();
  }

  /** Opens all connections; if one fails, none stays. */
  static async open(options: LaneOptions): Promise<PipelinedLane> {
    const lane = new PipelinedLane(options);
    const made = await Promise.allSettled(Array.from({ length: options.connections }, () => lane.#connect()));
    const failed = made.find((attempt) => attempt.status === 'rejected');
    if (failed === undefined) return lane;
    await lane.close();
    throw failed.reason;
  }

  /**
   * Sends one statement.
   * @throws ConnectionLost when the connection went away before the answer came; `unavailable` and `busy` when it was
   * not sent; else the server's error.
   */
  async send(query: QueryArrayConfig): Promise<Answer> {
    return this.#sendOn(this.#leastBusy() ?? (await this.#nextConnected(() => true)), query);
  }

  /**
   * Sends one statement again after its connection was lost, on one that was begun since: what ended one connection has
   * often ended the others too, those that were being made among them, and nobody has told us yet.
   */
  async sendAgain(query: QueryArrayConfig): Promise<Answer> {
    const lostMs = this.#options.clock.monotonicMs();
    return this.#sendOn(await this.#nextConnected(({ begunMs }) => begunMs >= lostMs), query);
  }

  async #sendOn(live: Live, query: QueryArrayConfig): Promise<Answer> {
    if (live.inFlight >= inFlightAtMostPerConnection) throw busy(`lane ${this.#options.name} is full`);
    if (live.inFlight === 0) live.lastAnswerMs = this.#options.clock.monotonicMs();
    live.inFlight += 1;
    try {
      collect(live);
      const answer = await (query.name === undefined
        ? live.client.query<unknown[]>(query)
        : sendNamed(live.client, query));
      return answer;
    } catch (error) {
      // Its own stack leads to the socket; this one leads to whoever asked.
      if (error instanceof Error) Error.captureStackTrace(error);
      // A FATAL error reaches the statement before the client hears that its connection is over.
      if (endsSession(error)) this.#bury(live, error as Error);
      if (live.dead) throw new ConnectionLost('the connection was lost', { cause: error });
      throw error;
    } finally {
      live.inFlight -= 1;
      live.lastAnswerMs = this.#options.clock.monotonicMs();
    }
  }

  /** Ends the connections after the statements in flight. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const ending = [...this.#live].map((live) => endWithin(live.client, endAtMostMs));
    this.#live.clear();
    await Promise.all(ending);
  }

  #leastBusy(): Live | undefined {
    let least: Live | undefined;
    for (const live of this.#live) {
      if (least === undefined || live.inFlight < least.inFlight) least = live;
    }
    return least;
  }

  async #nextConnected(accepts: (live: Live) => boolean): Promise<Live> {
    const { name } = this.#options;
    if (this.#closed) throw unavailable(`lane ${name} is closed`);
    if (this.#waiting >= waitingAtMost) throw unavailable(`too many statements wait for lane ${name}`);
    this.#waiting += 1;
    try {
      const signal = AbortSignal.timeout(connectionWaitMs);
      for await (const [live] of on(this.#connected, 'connected', { signal }) as AsyncIterable<[Live]>) {
        if (accepts(live) && !live.dead) return live;
      }
      throw unavailable(`lane ${name} has no more connections`);
    } catch (error) {
      throw unavailable(`lane ${name} has had no connection for ${connectionWaitMs} ms`, error);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Makes a connection and takes it in. One that is lost before that is none: nobody would tell of it again. */
  async #connect(): Promise<void> {
    const { clock, connect } = this.#options;
    const begunMs = clock.monotonicMs();
    let live: Live | undefined;
    let lost: Error | undefined;
    const client = await connect((error) => {
      lost ??= error;
      if (live !== undefined) this.#bury(live, error);
    });
    if (this.#closed || lost !== undefined) await client.end();
    if (lost !== undefined) throw lost;
    if (this.#closed) return;
    live = { client, begunMs, inFlight: 0, lastAnswerMs: clock.monotonicMs(), dead: false, collecting: false };
    this.#live.add(live);
    this.#connected.emit('connected', live);
  }

  #bury(live: Live, error: Error): void {
    if (live.dead) return;
    live.dead = true;
    // A lane that is closing has let go of its connections already.
    if (!this.#live.delete(live)) return;
    this.#options.onConnectionError(error);
    void live.client.end();
    this.#reconnectLater(reconnectFirstMs);
  }

  // The jitter keeps the nodes of a deployment from returning to a restarted server in one wave.
  #reconnectLater(delayMs: number): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        void this.#reconnect(delayMs);
      },
      randomInt(Math.ceil(delayMs / 2), delayMs + 1),
    ).unref();
    this.#timers.add(timer);
  }

  async #reconnect(delayMs: number): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      if (this.#closed) return;
      this.#options.onConnectionError(error as Error);
      this.#reconnectLater(Math.min(delayMs * 2, reconnectAtMostMs));
    }
  }

  #giveUpSilent(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const live of this.#live) {
      if (live.inFlight === 0 || nowMs - live.lastAnswerMs < silenceAtMostMs) continue;
      live.client.connection.stream.destroy();
      this.#bury(live, new Error(`lane ${this.#options.name}: no answer for ${silenceAtMostMs} ms`));
    }
  }
}

/**
 * What is sent in one turn of the event loop goes to the kernel at its end, in one piece: each write to a socket whose
 * reader sleeps costs as much as the statement itself.
 */
function collect(live: Live): void {
  if (live.collecting) return;
  live.collecting = true;
  const { stream } = live.client.connection;
  stream.cork();
  setImmediate(() => {
    live.collecting = false;
    stream.uncork();
  });
}

/** Says goodbye, and hangs up when nobody answers. */
async function endWithin(client: Client, ms: number): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), ms);
  await client.end();
  clearTimeout(timer);
}
