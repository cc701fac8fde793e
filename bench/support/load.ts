/**
 * The load generator: keep-alive connections over plain sockets, one request at a time on each, without pipelining.
 * It shares its core with PostgreSQL and therefore does as little as possible: requests are prepared bytes, and of a
 * response it parses the status and the length.
 */
import { connect, type Socket } from 'node:net';

/** Produces requests and consumes responses. */
export interface Traffic {
  /** The next request of this connection; undefined ends it. */
  next(connection: number): Buffer | undefined;
  /** Called with the bytes of each response. */
  onResponse?(connection: number, response: LoadResponse): void;
}

/** A response; its body starts at `headLength`. */
export interface LoadResponse {
  readonly status: number;
  readonly bytes: Buffer;
  readonly headLength: number;
  readonly milliseconds: number;
}

export interface Run {
  readonly responses: number;
  readonly seconds: number;
}

/** A run ends after `seconds` or at the end of the traffic; pending responses are still received. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Default: until the traffic ends. */
  readonly seconds?: number;
  /** Accepted statuses besides 2xx. */
  readonly acceptedStatuses?: readonly number[];
  /**
   * Never sleeps while it waits. Waking a sleeping peer on another core costs the writer several microseconds, which
   * only the side slower than the generator would pay.
   */
  readonly polling?: boolean;
  /** Called when all connections are open, before the first request. */
  readonly onStart?: () => void;
}

/**
 * Sends the traffic.
 *
 * @throws Error with the response when its status is not accepted.
 */
export async function load(traffic: Traffic, options: LoadOptions): Promise<Run> {
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => openConnection(options.port)));
  options.onStart?.();
  const stopPolling = options.polling === true ? poll() : undefined;
  const startedMs = performance.now();
  const untilMs = options.seconds === undefined ? Number.POSITIVE_INFINITY : startedMs + options.seconds * 1000;
  try {
    const run = { traffic, untilMs, accepted: options.acceptedStatuses ?? [] };
    const counts = await Promise.all(sockets.map((socket, index) => drive(socket, index, run)));
    const responses = counts.reduce((total, count) => total + count, 0);
    return { responses, seconds: (performance.now() - startedMs) / 1000 };
  } finally {
    stopPolling?.();
    for (const socket of sockets) socket.destroy();
  }
}

/** The same request repeatedly. */
export function repeat(request: Buffer): Traffic {
  return { next: () => request };
}

/** Keeps the event loop turning; returns a function that stops it. */
function poll(): () => void {
  let polling = true;
  const loop = (): void => {
    if (polling) setImmediate(loop);
  };
  loop();
  return () => {
    polling = false;
  };
}

/** Opens a connection to 127.0.0.1. */
export function openConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

type DriveOptions = { readonly traffic: Traffic; readonly untilMs: number; readonly accepted: readonly number[] };

function drive(socket: Socket, connection: number, { traffic, untilMs, accepted }: DriveOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let responses = 0;
  let sentMs = 0;
  let buffered: Buffer | undefined;
  const send = (): void => {
    sentMs = performance.now();
    const request = sentMs < untilMs ? traffic.next(connection) : undefined;
    if (request === undefined) resolve(responses);
    else socket.write(request);
  };
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('the server closed a connection')));
  socket.on('data', (chunk: Buffer) => {
    const bytes = buffered === undefined ? chunk : Buffer.concat([buffered, chunk]);
    const measured = measureResponse(bytes);
    buffered = bytes;
    if (measured === undefined || bytes.length < measured.length) return;
    buffered = undefined;
    responses += 1;
    const { status, headLength } = measured;
    if ((status >= 300 || status < 200) && !accepted.includes(status)) {
      reject(new Error(`the server returned ${bytes.toString('utf8')}`));
      return;
    }
    traffic.onResponse?.(connection, { status, bytes, headLength, milliseconds: performance.now() - sentMs });
    send();
  });
  send();
  return promise;
}

const lengthHeader = /\r\ncontent-length: (\d+)/i;

/** Returns the length of a response as soon as its head is complete. */
export function measureResponse(bytes: Buffer): { status: number; headLength: number; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const bodyLength = Number(lengthHeader.exec(head)?.[1] ?? 0);
  return { status: Number(head.slice(9, 12)), headLength: end + 4, length: end + 4 + bodyLength };
}
