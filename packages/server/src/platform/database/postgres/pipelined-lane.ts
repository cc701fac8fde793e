/**
 * A lane of pipelined connections. pg's pool lends a connection to one query at a time and drops it at every SQL error,
 * and pg never reconnects. The lane sends a statement on the connection with the fewest in flight; each statement is
 * its own transaction and fails alone.
 */
import { randomInt } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import type { Client, QueryArrayConfig } from 'pg';
import { busy, ConnectionLost, endsSession, reasonOf, unavailable } from '../errors.ts';
import type { ConnectionOrder } from './connection-order.ts';
import { type StatementResult, sendNamed } from './named-query.ts';
import { Silence } from './silence.ts';

export interface LaneOptions {
  readonly name: string;
  readonly connections: number;
  readonly order: ConnectionOrder;
  /** A connection without a response for this long, with statements in flight, is closed. */
  readonly silenceMs: number;
  /** Opens a pipelined client, and calls `onLost` when its connection is lost, from the first moment on. */
  connect(onLost: (error: Error) => void): Promise<Client>;
  onConnectionError(error: Error): void;
  /** Called when a connection is closed for its silence, and no other one of the lane had a response in that time. */
  onSilence?(): void;
}

/** How long a statement waits when no connection is open. */
const connectionWaitMs = 2000;
const waitingAtMost = 1000;
const inFlightAtMostPerConnection = 2000;
/**
 * Silence is counted in intervals and not read from a clock: a process that was suspended would find all its connections
 * silent when it goes on, before it reads their responses.
 */
const intervalMs = 500;
/** Longer than any statement of a lane can run. */
const endAtMostMs = 3000;
const reconnectFirstMs = 50;
const reconnectAtMostMs = 1000;

interface Connection {
  readonly client: Client;
  /** Its place in the order of requested connections. */
  readonly number: number;
  inFlight: number;
  /** The intervals since its last response, while statements are in flight. */
  silentIntervals: number;
  isClosed: boolean;
  isSilent: boolean;
  /** Whether its writes are collected until the end of the event loop's turn. */
  collecting: boolean;
}

/** Several pipelined connections that replace each other and reconnect by themselves. */
export class PipelinedLane {
  readonly #options: LaneOptions;
  readonly #connections = new Set<Connection>();
  /** They get no more statements, and are closed after those in flight. */
  readonly #retired = new Set<Connection>();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #watch: NodeJS.Timeout;
  #waiting = 0;
  #closed = false;
  #failures = 0;
  /** Those of the lane as a whole since its last response. */
  #silentIntervals = 0;
  /** Why the last connection was lost or could not be opened. */
  #lastFailure: Error | undefined;

  private constructor(options: LaneOptions) {
    this.#options = options;
    this.#watch = setInterval(() => this.#closeSilent(), intervalMs).unref();
  }

  /** Opens all connections; if one fails, it closes the others. */
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
   *
   * @throws ConnectionLost when the connection was lost before the response; `unavailable` and `busy` when the
   * statement was not sent; otherwise the server's error.
   */
  async send(query: QueryArrayConfig): Promise<StatementResult> {
    return this.#sendOn(this.#leastBusy() ?? (await this.#nextConnected(() => true)), query);
  }

  /**
   * Sends one statement again after its connection was lost, on a connection that was requested since. The event that
   * closed one connection has often closed the others too, including those that were being opened, before the client is
   * notified.
   */
  async sendAgain(query: QueryArrayConfig): Promise<StatementResult> {
    const { newest } = this.#options.order;
    const isNew = ({ number }: Connection) => number > newest;
    return this.#sendOn([...this.#connections].find(isNew) ?? (await this.#nextConnected(isNew)), query);
  }

  /** Statements without a response, and connections that were lost or could not be opened since the start. */
  get use(): { readonly inFlight: number; readonly failures: number } {
    let inFlight = this.#waiting;
    for (const connection of [...this.#connections, ...this.#retired]) inFlight += connection.inFlight;
    return { inFlight, failures: this.#failures };
  }

  /** Replaces the connections up to this number; statements in flight are completed. */
  renew(upTo: number): void {
    for (const connection of [...this.#connections].filter(({ number }) => number <= upTo)) {
      this.#connections.delete(connection);
      this.#retired.add(connection);
      this.#endRetired(connection);
      this.#reconnectLater(reconnectFirstMs);
    }
  }

  async #sendOn(connection: Connection, query: QueryArrayConfig): Promise<StatementResult> {
    if (connection.inFlight >= inFlightAtMostPerConnection) throw busy(`lane ${this.#options.name} is full`);
    if (connection.inFlight === 0) connection.silentIntervals = 0;
    connection.inFlight += 1;
    try {
      collect(connection);
      const result = await (query.name === undefined
        ? connection.client.query<unknown[]>(query)
        : sendNamed(connection.client, query));
      this.#silentIntervals = 0;
      return result;
    } catch (error) {
      // The original stack leads to the socket; this one leads to the caller.
      if (error instanceof Error) Error.captureStackTrace(error);
      // A FATAL error reaches the statement before the client emits the end of its connection.
      if (endsSession(error)) this.#discard(connection, error as Error);
      if (connection.isSilent) throw this.#silence();
      if (connection.isClosed) throw new ConnectionLost('the connection was lost', { cause: error });
      throw error;
    } finally {
      connection.inFlight -= 1;
      connection.silentIntervals = 0;
      this.#endRetired(connection);
    }
  }

  #endRetired(connection: Connection): void {
    if (connection.inFlight > 0 || !this.#retired.delete(connection)) return;
    void connection.client.end();
  }

  /** Closes the connections after the statements in flight. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const open = [...this.#connections, ...this.#retired];
    const ending = open.map((connection) => endWithin(connection.client, endAtMostMs));
    this.#connections.clear();
    this.#retired.clear();
    await Promise.all(ending);
  }

  #leastBusy(): Connection | undefined {
    let least: Connection | undefined;
    for (const connection of this.#connections) {
      if (least === undefined || connection.inFlight < least.inFlight) least = connection;
    }
    return least;
  }

  async #nextConnected(accepts: (connection: Connection) => boolean): Promise<Connection> {
    const { name } = this.#options;
    if (this.#closed) throw unavailable(`lane ${name} is closed`);
    if (this.#waiting >= waitingAtMost) throw unavailable(`too many statements wait for lane ${name}`);
    this.#waiting += 1;
    try {
      const signal = AbortSignal.timeout(connectionWaitMs);
      for await (const [connection] of on(this.#events, 'connected', { signal }) as AsyncIterable<[Connection]>) {
        if (accepts(connection) && !connection.isClosed) return connection;
      }
      throw unavailable(`lane ${name} has no more connections`);
    } catch (error) {
      const why = this.#lastFailure === undefined ? '' : `: ${reasonOf(this.#lastFailure)}`;
      throw unavailable(
        `lane ${name} has had no connection for ${connectionWaitMs} ms${why}`,
        this.#lastFailure ?? error,
      );
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Opens a connection and adds it. One that is lost before that is not added: its loss would not be emitted again. */
  async #connect(): Promise<void> {
    const { connect, order } = this.#options;
    const number = order.next();
    let connection: Connection | undefined;
    let lost: Error | undefined;
    const client = await connect((error) => {
      lost ??= error;
      if (connection !== undefined) this.#discard(connection, error);
    });
    if (this.#closed || lost !== undefined) await client.end();
    if (lost !== undefined) throw lost;
    if (this.#closed) return;
    connection = {
      client,
      number,
      inFlight: 0,
      silentIntervals: 0,
      isClosed: false,
      isSilent: false,
      collecting: false,
    };
    this.#connections.add(connection);
    this.#events.emit('connected', connection);
  }

  #discard(connection: Connection, error: Error): void {
    if (connection.isClosed) return;
    connection.isClosed = true;
    // A lane that is closing has released its connections already, and the replacement of a retired one is on its way.
    if (!this.#connections.delete(connection)) return;
    this.#fail(error);
    void connection.client.end();
    this.#reconnectLater(reconnectFirstMs);
  }

  // The jitter keeps the nodes of a deployment from reconnecting to a restarted server in one wave.
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
      this.#fail(error as Error);
      this.#reconnectLater(Math.min(delayMs * 2, reconnectAtMostMs));
    }
  }

  #fail(error: Error): void {
    this.#lastFailure = error;
    this.#failures += 1;
    this.#options.onConnectionError(error);
  }

  #silence(): Silence {
    return new Silence(`lane ${this.#options.name}`, this.#options.silenceMs);
  }

  #closeSilent(): void {
    const atMost = this.#options.silenceMs / intervalMs;
    let isSilent = false;
    this.#silentIntervals += 1;
    for (const connection of [...this.#connections, ...this.#retired]) {
      if (connection.inFlight === 0) continue;
      connection.silentIntervals += 1;
      if (connection.silentIntervals <= atMost) continue;
      isSilent = true;
      connection.isSilent = true;
      connection.client.connection.stream.destroy();
      this.#discard(connection, this.#silence());
    }
    if (isSilent && this.#silentIntervals > atMost) this.#options.onSilence?.();
  }
}

/**
 * Writes everything that is sent in one turn of the event loop to the kernel at once: each write to a socket whose
 * reader sleeps costs as much as the statement itself.
 */
function collect(connection: Connection): void {
  if (connection.collecting) return;
  connection.collecting = true;
  const { stream } = connection.client.connection;
  stream.cork();
  setImmediate(() => {
    connection.collecting = false;
    stream.uncork();
  });
}

/** Closes a client, and destroys the connection when it does not respond in time. */
async function endWithin(client: Client, ms: number): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), ms);
  await client.end();
  clearTimeout(timer);
}
