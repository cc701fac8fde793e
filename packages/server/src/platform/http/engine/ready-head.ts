/**
 * Heads that are written as one text. Node puts each head together from its names and values and checks them all again,
 * which is 2 to 3 µs of an answer's 13 to 18. Nearly all answers have headers that never change, and a few that are made
 * here of characters that need no check.
 * Node has no public way to take a head that is ready: it keeps its own in `_header`, written before the first bytes of
 * the body. Whether it still does is tried when this module is loaded; where not, every head goes the ordinary way.
 */
import { IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { systemClock } from '#kernel/clock.ts';
import { type HeaderList, readyText } from './headers.ts';

/** What is kept of a head inside Node. */
type WithHead = ServerResponse & { _header: string | null };

/** Writes heads of which the fixed part is ready. */
export class ReadyHeads {
  readonly #ends: string;
  /** Of this second; a clock that is read for each answer costs more than a timer each second. */
  #dateLine = '';

  /** @param keepAliveMs how long the server keeps an idle connection, which it says. */
  constructor(keepAliveMs: number) {
    this.#ends = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n\r\n`;
  }

  /**
   * Gives a response its head. False, and nothing was done, where only Node can: no fixed headers, a connection that
   * ends, another Node, a response that is more than Node's (one that is injected reads its head on the way).
   *
   * @param more names and values whose characters are known to be printable ASCII.
   */
  begin(response: ServerResponse, status: number, fixed: HeaderList, more: HeaderList): boolean {
    if (!takesHeads || !response.shouldKeepAlive || response.constructor !== ServerResponse) return false;
    const text = readyText(fixed);
    if (text === undefined) return false;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${text}`;
    for (let place = 0; place < more.length; place += 2) head += `${more[place]}: ${more[place + 1]}\r\n`;
    response.statusCode = status;
    (response as WithHead)._header = `${head}${this.#date()}${this.#ends}`;
    return true;
  }

  /** RFC 9110 §6.6.1. The time of the machine, as Node would say it, also where the product's own clock was moved. */
  #date(): string {
    if (this.#dateLine === '') {
      const now = systemClock.now();
      this.#dateLine = `Date: ${now.toUTCString()}\r\n`;
      setTimeout(() => this.#forgetDate(), 1000 - now.getUTCMilliseconds()).unref();
    }
    return this.#dateLine;
  }

  #forgetDate(): void {
    this.#dateLine = '';
  }
}

/** Whether a response of this Node sends the head that it is given, before its body and once. */
function triesHead(): boolean {
  const response = new ServerResponse(new IncomingMessage(new Socket())) as WithHead;
  const sink = new PassThrough();
  response.assignSocket(sink as unknown as Socket);
  response._header = 'head\r\n\r\n';
  response.end('body', 'latin1');
  return String(sink.read()) === 'head\r\n\r\nbody';
}

const takesHeads = triesHead();
