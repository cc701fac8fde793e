import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { DataDirectory } from '#platform/data-directory/index.ts';
import type { CommandIo } from './command-io.ts';
import {
  type CommandRequest,
  type Frame,
  lineOf,
  linesOf,
  MessageTooLong,
  maxMessageLength,
  readAnswer,
  readRequest,
} from './messages.ts';
import { prepareSocket, removeSocket } from './path.ts';

const maxConnections = 16;
const requestTimeoutMs = 10_000;
const lingerMs = 5_000;

/** Runs one command and answers its exit code. What it throws is a bug. */
export type RunCommand = (argv: readonly string[], io: CommandIo) => Promise<number>;

/** What a listener needs. */
export interface CommandListenerOptions {
  /** Open, and so locked by this process. */
  readonly directory: DataDirectory;
  readonly run: RunCommand;
  /** Told of what `run` threw; the client only learns that the command failed. */
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds for the request to arrive; ten seconds when not given. */
  readonly requestTimeoutMs?: number;
}

/** A listening control socket. */
export interface CommandListener extends AsyncDisposable {
  /** Takes no more commands, waits for the running ones, and removes the socket. */
  close(): Promise<void>;
}

/**
 * Listens for commands until it is closed. Several may run at the same time.
 *
 * @throws DataDirectoryError when there is no place for a socket.
 */
export async function listenForCommands(options: CommandListenerOptions): Promise<CommandListener> {
  const connections = new Connections(options);
  const server = createServer((socket) => connections.accept(socket));
  server.maxConnections = maxConnections;
  const path = await prepareSocket(options.directory.path);
  server.listen(path);
  await once(server, 'listening');
  // Nobody can have come in between: the directory around it is ours alone.
  await chmod(path, 0o600);
  const close = async (): Promise<void> => {
    const closed = stop(server);
    await connections.finish();
    await closed;
    await removeSocket(options.directory.path);
  };
  return { close, [Symbol.asyncDispose]: close };
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // An error says that it was closed before.
    server.close(() => resolve());
  });
}

class Connections {
  readonly #options: CommandListenerOptions;
  readonly #waiting = new Set<Socket>();
  readonly #peers = new Set<Peer>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: CommandListenerOptions) {
    this.#options = options;
  }

  accept(socket: Socket): void {
    const peer = new Peer(socket);
    const running = this.#serve(socket, peer).finally(() => {
      this.#running.delete(running);
      this.#peers.delete(peer);
    });
    this.#running.add(running);
    this.#peers.add(peer);
  }

  /** Hangs up on those who have not asked yet, and waits for the others. */
  async finish(): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    for (const peer of this.#peers) peer.giveUp();
    await Promise.all(this.#running);
  }

  async #serve(socket: Socket, peer: Peer): Promise<void> {
    this.#waiting.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#options.requestTimeoutMs ?? requestTimeoutMs);
    const request = await peer.readRequest();
    clearTimeout(timer);
    this.#waiting.delete(socket);
    if (request.kind === 'gone') return;
    if (request.kind === 'refused') return peer.end(request.reason, 2);
    try {
      const code = await this.#options.run(request.argv, peer.ioFor(request));
      await peer.end('', code);
    } catch (error) {
      this.#options.onFailure(error);
      await peer.end('The command failed unexpectedly; the log of the running server says why.\n', 1);
    }
  }
}

type Received =
  | ({ readonly kind: 'request' } & CommandRequest)
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'gone' };

/** The client, who may be gone at any time: then what is sent goes nowhere and what is asked has no answer. */
class Peer {
  readonly #socket: Socket;
  readonly #lines: AsyncGenerator<string, undefined>;
  readonly #closed: Promise<void>;
  readonly #givenUp = Promise.withResolvers<undefined>();
  #reading = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = linesOf(socket, maxMessageLength);
    this.#closed = new Promise((resolve) => socket.on('close', () => resolve()));
    // Without a listener a client that hangs up in the middle of the output would end the whole server.
    socket.on('error', () => socket.destroy());
  }

  async readRequest(): Promise<Received> {
    const line = await this.#readLine();
    if (line === undefined) return { kind: 'gone' };
    if (line instanceof MessageTooLong) return { kind: 'refused', reason: 'The command is longer than 1 MB.\n' };
    const request = readRequest(line);
    return request === undefined
      ? { kind: 'refused', reason: 'The running server does not understand this command: is it another release?\n' }
      : { kind: 'request', ...request };
  }

  /** From now on the client is waited for no longer; what the command still says is sent. */
  giveUp(): void {
    this.#givenUp.resolve(undefined);
  }

  ioFor(request: CommandRequest): CommandIo {
    return {
      isTerminal: request.isTerminal,
      columns: request.columns,
      out: (text) => this.#send({ out: text }),
      err: (text) => this.#send({ err: text }),
      drained: () => this.#drained(),
      readSecret: (prompt) => this.#ask({ ask: 'secret', prompt }),
      readInput: () => this.#ask({ ask: 'input' }),
    };
  }

  /** Says the last words and hangs up, on a client that does not listen after five seconds. */
  async end(err: string, code: number): Promise<void> {
    if (err !== '') this.#send({ err });
    this.#send({ exit: code });
    if (!this.#socket.destroyed) this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    if (!this.#reading) {
      // What the client sent and nobody read would keep the socket from noticing that the client has closed.
      await this.#lines.return(undefined);
      this.#socket.resume();
    }
    await this.#closed;
    clearTimeout(timer);
  }

  #send(frame: Frame): void {
    if (this.#socket.writable) this.#socket.write(lineOf(frame));
  }

  async #ask(frame: Frame): Promise<string | undefined> {
    if (!this.#socket.writable) return undefined;
    this.#send(frame);
    const line = await Promise.race([this.#readLine(), this.#givenUp.promise]);
    return typeof line === 'string' ? readAnswer(line) : undefined;
  }

  async #readLine(): Promise<string | undefined | MessageTooLong> {
    this.#reading = true;
    try {
      const { value } = await this.#lines.next();
      return value;
    } catch (error) {
      if (error instanceof MessageTooLong) return error;
      // The connection was lost, which is what "no line" says.
      if (this.#socket.destroyed) return undefined;
      throw error;
    } finally {
      this.#reading = false;
    }
  }

  async #drained(): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable || !socket.writableNeedDrain) return;
    const drain = new Promise<void>((resolve) => socket.once('drain', resolve));
    await Promise.race([drain, this.#closed, this.#givenUp.promise]);
  }
}
