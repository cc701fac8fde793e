/**
 * An open load: requests are sent on a schedule, whether or not earlier ones have responses, as independent clients do.
 * Latency counts from the scheduled time, so a server that stalls for a second delays every request of that second, not
 * only the one in progress (coordinated omission).
 */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type LoadResponse, measureResponse, openConnection } from './load.ts';

/** One request of the schedule. */
export interface ScheduledRequest<T> {
  readonly bytes: Buffer;
  /** Passed to `onResponse`. */
  readonly context: T;
  /** Whether the request has `Connection: close`. */
  readonly closes?: boolean;
}

export interface OpenLoadOptions<T> {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Ends the load before the seconds are over, once it returns true. */
  readonly shouldEnd?: () => boolean;
  /** When all connections are busy, a request is counted and not sent. */
  readonly maxConnections: number;
  /** The request with this number, starting at 0. */
  next(number: number): ScheduledRequest<T>;
  /** `lateMs` is the delay of sending; the milliseconds of the response count from the scheduled time. */
  onResponse(context: T, response: LoadResponse, lateMs: number): void;
}

export interface OpenLoadResult {
  readonly due: number;
  readonly responded: number;
  /** For lack of a connection. */
  readonly notSent: number;
  /** Sent, but without a response some seconds after the last request. */
  readonly withoutResponse: number;
  /** Connections that broke with a pending request, by reason. */
  readonly broken: Readonly<Record<string, number>>;
  readonly peakConnections: number;
}

/** Waiting time after the last request. */
const lastResponsesMs = 20_000;

interface Connection<T> {
  readonly socket: Socket;
  buffered: Buffer | undefined;
  pending:
    | { readonly context: T; readonly dueMs: number; readonly sentMs: number; readonly closes: boolean }
    | undefined;
}

/** Sends the scheduled requests and waits for the last responses. */
export async function runOpenLoad<T>(options: OpenLoadOptions<T>): Promise<OpenLoadResult> {
  return new OpenLoad(options).run();
}

class OpenLoad<T> {
  readonly #offer: OpenLoadOptions<T>;
  readonly #idle: Connection<T>[] = [];
  readonly #connections = new Set<Connection<T>>();
  readonly #broken: Record<string, number> = {};
  #opening = 0;
  #responded = 0;
  #notSent = 0;
  #pending = 0;
  #peak = 0;

  constructor(options: OpenLoadOptions<T>) {
    this.#offer = options;
  }

  async run(): Promise<OpenLoadResult> {
    const { perSecond, seconds, shouldEnd = () => false } = this.#offer;
    const most = Math.round(perSecond * seconds);
    const startMs = performance.now();
    let due = 0;
    for (; due < most && !shouldEnd(); due += 1) {
      const dueMs = startMs + (due * 1000) / perSecond;
      const restMs = dueMs - performance.now();
      // Timers have a resolution of a millisecond: requests due within one are sent together.
      if (restMs > 0.5) await pause(Math.ceil(restMs));
      this.#send(due, dueMs);
    }
    await this.#awaitLast();
    for (const { socket } of this.#connections) socket.destroy();
    const [responded, notSent, withoutResponse] = [this.#responded, this.#notSent, this.#pending];
    return { due, responded, notSent, withoutResponse, broken: this.#broken, peakConnections: this.#peak };
  }

  async #awaitLast(): Promise<void> {
    const isDone = () => this.#pending === 0 && this.#opening === 0;
    // Missing responses are counted, which is more informative than an error.
    await eventually(isDone, { what: 'every request has a response', timeoutMs: lastResponsesMs }).catch(() => false);
  }

  #send(number: number, dueMs: number): void {
    const { bytes, context, closes = false } = this.#offer.next(number);
    const connection = this.#idle.pop();
    if (connection !== undefined) this.#sendOn(connection, bytes, { context, dueMs, closes });
    else if (this.#connections.size + this.#opening >= this.#offer.maxConnections) this.#notSent += 1;
    else void this.#open().then((opened) => opened && this.#sendOn(opened, bytes, { context, dueMs, closes }));
  }

  #sendOn(connection: Connection<T>, bytes: Buffer, sent: { context: T; dueMs: number; closes: boolean }): void {
    connection.pending = { ...sent, sentMs: performance.now() };
    this.#pending += 1;
    connection.socket.write(bytes);
  }

  async #open(): Promise<Connection<T> | undefined> {
    this.#opening += 1;
    try {
      const socket = await openConnection(this.#offer.port);
      const connection: Connection<T> = { socket, buffered: undefined, pending: undefined };
      this.#connections.add(connection);
      this.#peak = Math.max(this.#peak, this.#connections.size);
      socket.on('data', (chunk: Buffer) => this.#read(connection, chunk));
      socket.on('error', (error: NodeJS.ErrnoException) => this.#end(connection, error.code ?? error.message));
      socket.on('close', () => this.#end(connection, 'closed without a response'));
      return connection;
    } catch (error) {
      this.#count((error as NodeJS.ErrnoException).code ?? String(error));
      return undefined;
    } finally {
      this.#opening -= 1;
    }
  }

  #read(connection: Connection<T>, chunk: Buffer): void {
    const bytes = connection.buffered === undefined ? chunk : Buffer.concat([connection.buffered, chunk]);
    const measured = measureResponse(bytes);
    connection.buffered = bytes;
    if (measured === undefined || bytes.length < measured.length) return;
    connection.buffered = undefined;
    const { pending } = connection;
    if (pending === undefined) return;
    connection.pending = undefined;
    this.#pending -= 1;
    this.#responded += 1;
    const { status, headLength } = measured;
    const { context, dueMs, sentMs, closes } = pending;
    this.#offer.onResponse(
      context,
      { status, bytes, headLength, milliseconds: performance.now() - dueMs },
      sentMs - dueMs,
    );
    if (closes) connection.socket.end();
    else this.#idle.push(connection);
  }

  #end(connection: Connection<T>, reason: string): void {
    if (!this.#connections.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    if (connection.pending === undefined) return;
    connection.pending = undefined;
    this.#pending -= 1;
    this.#count(reason);
  }

  #count(reason: string): void {
    this.#broken[reason] = (this.#broken[reason] ?? 0) + 1;
  }
}
