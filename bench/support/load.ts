/**
 * The load generator: keep-alive connections over plain sockets, one request at a time on each, nothing pipelined.
 * It shares its core with PostgreSQL, so it does as little as it can: requests are bytes that were built before, and of
 * an answer it reads the status and the length.
 */
import { connect, type Socket } from 'node:net';

/** Where requests come from and where answers go. */
export interface Traffic {
  /** The next request of this connection; undefined ends it. */
  next(connection: number): Buffer | undefined;
  /** Called for each answer with its whole bytes. */
  answered?(connection: number, answer: Answer): void;
}

/** An answer as it came. `headLength` is where its body begins. */
export interface Answer {
  readonly status: number;
  readonly bytes: Buffer;
  readonly headLength: number;
  readonly milliseconds: number;
}

/** What a run was. */
export interface Run {
  readonly answers: number;
  readonly seconds: number;
}

/** When a run ends. Connections that are waiting for an answer still get it. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Without it the run ends when the traffic does. */
  readonly seconds?: number;
  /** Answers that are no failure beside 2xx. */
  readonly accepted?: readonly number[];
  /**
   * Never sleeps while it waits. Waking a sleeping peer on another core costs the one who writes to it several
   * microseconds, and only whoever is slower than the generator would pay them.
   */
  readonly polling?: boolean;
  /** Called when all connections are open, before the first request. */
  readonly onStart?: () => void;
}

/**
 * Sends traffic.
 *
 * @throws Error with the answer, when one has a status that was not expected.
 */
export async function load(traffic: Traffic, options: LoadOptions): Promise<Run> {
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => openConnection(options.port)));
  options.onStart?.();
  const stopPolling = options.polling === true ? poll() : undefined;
  const startedMs = performance.now();
  const untilMs = options.seconds === undefined ? Number.POSITIVE_INFINITY : startedMs + options.seconds * 1000;
  try {
    const run = { traffic, untilMs, accepted: options.accepted ?? [] };
    const counts = await Promise.all(sockets.map((socket, index) => drive(socket, index, run)));
    const answers = counts.reduce((total, count) => total + count, 0);
    return { answers, seconds: (performance.now() - startedMs) / 1000 };
  } finally {
    stopPolling?.();
    for (const socket of sockets) socket.destroy();
  }
}

/** The request of a traffic that sends one thing again and again. */
export function always(request: Buffer): Traffic {
  return { next: () => request };
}

/** Keeps the event loop turning; answers what ends it. */
function poll(): () => void {
  let polling = true;
  const turn = (): void => {
    if (polling) setImmediate(turn);
  };
  turn();
  return () => {
    polling = false;
  };
}

/** A connection to this machine. */
export function openConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

type Drive = { readonly traffic: Traffic; readonly untilMs: number; readonly accepted: readonly number[] };

function drive(socket: Socket, connection: number, { traffic, untilMs, accepted }: Drive): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let answers = 0;
  let sentMs = 0;
  let held: Buffer | undefined;
  const send = (): void => {
    sentMs = performance.now();
    const request = sentMs < untilMs ? traffic.next(connection) : undefined;
    if (request === undefined) resolve(answers);
    else socket.write(request);
  };
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('the server closed a connection')));
  socket.on('data', (chunk: Buffer) => {
    const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
    const measured = measureAnswer(bytes);
    held = bytes;
    if (measured === undefined || bytes.length < measured.length) return;
    held = undefined;
    answers += 1;
    const { status, headLength } = measured;
    if ((status >= 300 || status < 200) && !accepted.includes(status)) {
      reject(new Error(`the server answered ${bytes.toString('utf8')}`));
      return;
    }
    traffic.answered?.(connection, { status, bytes, headLength, milliseconds: performance.now() - sentMs });
    send();
  });
  send();
  return promise;
}

const lengthHeader = /\r\ncontent-length: (\d+)/i;

/** Where an answer ends, as soon as its head is there. */
export function measureAnswer(bytes: Buffer): { status: number; headLength: number; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const bodyLength = Number(lengthHeader.exec(head)?.[1] ?? 0);
  return { status: Number(head.slice(9, 12)), headLength: end + 4, length: end + 4 + bodyLength };
}
