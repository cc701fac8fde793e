/**
 * An open load: requests leave by a schedule, whether or not those before them were answered, as clients come that know
 * nothing of each other. Times count from the moment a request was due, so that a server that stops for a second is seen
 * by all who came in that second, and not only by the one who was waiting (coordinated omission).
 */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type Answer, measureAnswer, openConnection } from './load.ts';

/** One request of the schedule. */
export interface Due<T> {
  readonly bytes: Buffer;
  /** Comes back with the answer. */
  readonly about: T;
  /** Whether it asks the server to close the connection behind it. */
  readonly closes?: boolean;
}

/** What is offered, and how fast. */
export interface Offer<T> {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Connections at most; a request that finds none is not sent and is counted. */
  readonly connectionsAtMost: number;
  /** The request with this number, from 0. */
  next(number: number): Due<T>;
  /** `lateMs` is how long after its time it was sent; the answer's own milliseconds count from its time. */
  answered(about: T, answer: Answer, lateMs: number): void;
}

/** What became of an offer beside its answers. */
export interface Offered {
  readonly due: number;
  readonly answered: number;
  /** For want of a connection. */
  readonly notSent: number;
  /** Sent, and no answer some seconds after the last one was sent. */
  readonly unanswered: number;
  /** Connections that broke with a request under way, by reason. */
  readonly broken: Readonly<Record<string, number>>;
  readonly connectionsAtOnce: number;
}

/** After the last request. */
const lastAnswersMs = 20_000;

interface Connection<T> {
  readonly socket: Socket;
  held: Buffer | undefined;
  underWay:
    | { readonly about: T; readonly dueMs: number; readonly sentMs: number; readonly closes: boolean }
    | undefined;
}

/** Offers it, and waits for the last answers. */
export async function offer<T>(options: Offer<T>): Promise<Offered> {
  return new OpenLoad(options).run();
}

class OpenLoad<T> {
  readonly #offer: Offer<T>;
  readonly #idle: Connection<T>[] = [];
  readonly #all = new Set<Connection<T>>();
  readonly #broken: Record<string, number> = {};
  #opening = 0;
  #answered = 0;
  #notSent = 0;
  #underWay = 0;
  #most = 0;

  constructor(options: Offer<T>) {
    this.#offer = options;
  }

  async run(): Promise<Offered> {
    const { perSecond, seconds } = this.#offer;
    const due = Math.round(perSecond * seconds);
    const startMs = performance.now();
    for (let number = 0; number < due; number += 1) {
      const dueMs = startMs + (number * 1000) / perSecond;
      const restMs = dueMs - performance.now();
      // A timer takes whole milliseconds: what is due within one leaves together.
      if (restMs > 0.5) await pause(Math.ceil(restMs));
      this.#send(number, dueMs);
    }
    await this.#awaitLast();
    for (const { socket } of this.#all) socket.destroy();
    const [answered, notSent, unanswered] = [this.#answered, this.#notSent, this.#underWay];
    return { due, answered, notSent, unanswered, broken: this.#broken, connectionsAtOnce: this.#most };
  }

  async #awaitLast(): Promise<void> {
    const isGracePeriodOver = () => this.#underWay === 0 && this.#opening === 0;
    // What is still missing is counted, which says more than an error.
    await eventually(isGracePeriodOver, { what: 'all are answered', timeoutMs: lastAnswersMs }).catch(() => false);
  }

  #send(number: number, dueMs: number): void {
    const { bytes, about, closes = false } = this.#offer.next(number);
    const connection = this.#idle.pop();
    if (connection !== undefined) this.#sendOn(connection, bytes, { about, dueMs, closes });
    else if (this.#all.size + this.#opening >= this.#offer.connectionsAtMost) this.#notSent += 1;
    else void this.#open().then((opened) => opened && this.#sendOn(opened, bytes, { about, dueMs, closes }));
  }

  #sendOn(connection: Connection<T>, bytes: Buffer, sent: { about: T; dueMs: number; closes: boolean }): void {
    connection.underWay = { ...sent, sentMs: performance.now() };
    this.#underWay += 1;
    connection.socket.write(bytes);
  }

  async #open(): Promise<Connection<T> | undefined> {
    this.#opening += 1;
    try {
      const socket = await openConnection(this.#offer.port);
      const connection: Connection<T> = { socket, held: undefined, underWay: undefined };
      this.#all.add(connection);
      this.#most = Math.max(this.#most, this.#all.size);
      socket.on('data', (chunk: Buffer) => this.#read(connection, chunk));
      socket.on('error', (error: NodeJS.ErrnoException) => this.#end(connection, error.code ?? error.message));
      socket.on('close', () => this.#end(connection, 'closed without an answer'));
      return connection;
    } catch (error) {
      this.#count((error as NodeJS.ErrnoException).code ?? String(error));
      return undefined;
    } finally {
      this.#opening -= 1;
    }
  }

  #read(connection: Connection<T>, chunk: Buffer): void {
    const bytes = connection.held === undefined ? chunk : Buffer.concat([connection.held, chunk]);
    const measured = measureAnswer(bytes);
    connection.held = bytes;
    if (measured === undefined || bytes.length < measured.length) return;
    connection.held = undefined;
    const { underWay } = connection;
    if (underWay === undefined) return;
    connection.underWay = undefined;
    this.#underWay -= 1;
    this.#answered += 1;
    const { status, headLength } = measured;
    const { about, dueMs, sentMs, closes } = underWay;
    this.#offer.answered(about, { status, bytes, headLength, milliseconds: performance.now() - dueMs }, sentMs - dueMs);
    if (closes) connection.socket.end();
    else this.#idle.push(connection);
  }

  #end(connection: Connection<T>, reason: string): void {
    if (!this.#all.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (connection.underWay === undefined) return;
    connection.underWay = undefined;
    this.#underWay -= 1;
    this.#count(reason);
  }

  #count(reason: string): void {
    this.#broken[reason] = (this.#broken[reason] ?? 0) + 1;
  }
}
