import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { DataDirectory } from '#platform/data-directory/index.ts';
import type { CommandIo } from './command-io.ts';
import { maxMessageLength, readAnswer, readRequest } from './messages.ts';
import { Questions, RemoteIo } from './remote-io.ts';
import { prepareSocket, removeSocket } from './socket-path.ts';

const maxCommands = 16;
const requestTimeoutMs = 10_000;

/** Runs one command and returns its exit code. What it throws is a bug. */
export type RunCommand = (argv: readonly string[], io: CommandIo) => Promise<number>;

export interface CommandListenerOptions {
  /** Open, and so locked by this process. */
  readonly directory: DataDirectory;
  readonly run: RunCommand;
  /** Gets what `run` threw; the client learns only that the command failed. */
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
 * Listens for commands until it is closed. Up to 16 run at the same time.
 *
 * @throws DataDirectoryError when no path is short enough for a socket.
 */
export async function listenForCommands(options: CommandListenerOptions): Promise<CommandListener> {
  const commands = new Commands(options);
  const timeout = options.requestTimeoutMs ?? requestTimeoutMs;
  const server = createServer(
    { requestTimeout: timeout, headersTimeout: timeout, connectionsCheckingInterval: Math.min(timeout, 1000) },
    (request, response) => commands.handle(request, response),
  );
  // Each command may need a second connection for an answer.
  server.maxConnections = 2 * maxCommands;
  const path = await prepareSocket(options.directory.path);
  server.listen(path);
  await once(server, 'listening');
  // Until here the mode of the directory, 0700, keeps other users out.
  await chmod(path, 0o600);
  const close = async (): Promise<void> => {
    const closed = stop(server);
    await commands.finish();
    server.closeAllConnections();
    await closed;
    await removeSocket(options.directory.path);
  };
  return { close, [Symbol.asyncDispose]: close };
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // The only error is that it is closed already.
    server.close(() => resolve());
  });
}

class Commands {
  readonly #options: CommandListenerOptions;
  readonly #requests = new Set<Promise<void>>();
  readonly #questions = new Questions();
  readonly #closing = Promise.withResolvers<undefined>();
  #running = 0;

  constructor(options: CommandListenerOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const handled = this.#route(request, response)
      .catch((error: unknown) => this.#options.onFailure(error))
      .finally(() => this.#requests.delete(handled));
    this.#requests.add(handled);
  }

  /** Drops requests that are incomplete, leaves questions unanswered, and waits for the running commands. */
  async finish(): Promise<void> {
    this.#closing.resolve(undefined);
    await Promise.all(this.#requests);
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await Promise.race([readBody(request), this.#closing.promise]);
    if (body === undefined) {
      response.destroy();
      return;
    }
    if (request.method === 'POST' && request.url === '/commands') await this.#command(body, response);
    else if (request.method === 'POST' && request.url?.startsWith('/answers/')) {
      const answer = body.kind === 'text' ? readAnswer(body.text) : undefined;
      response.writeHead(this.#questions.resolve(request.url, answer) ? 204 : 404).end();
    } else response.writeHead(404).end();
  }

  async #command(body: Body, response: ServerResponse): Promise<void> {
    const io = new RemoteIo(response, this.#questions, this.#closing.promise);
    if (body.kind === 'too_long') return io.refuse(413, 'The command is longer than 1 MB.\n', 2);
    const request = readRequest(body.text);
    if (request === undefined) {
      return io.refuse(400, 'The running server does not understand this command: is it another release?\n', 2);
    }
    if (this.#running === maxCommands) {
      return io.refuse(503, `The running server already runs ${maxCommands} commands: try again.\n`, 1);
    }
    this.#running += 1;
    try {
      io.begin(request);
      const code = await this.#options.run(request.argv, io);
      await io.exit(code);
    } catch (error) {
      this.#options.onFailure(error);
      io.err('The command failed unexpectedly: see the log of the running server.\n');
      await io.exit(1);
    } finally {
      this.#running -= 1;
    }
  }
}

type Body = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'too_long' };

/** The body, or undefined when the client has gone. A body that is too long is read to its end, so that the response arrives. */
async function readBody(request: IncomingMessage): Promise<Body | undefined> {
  request.setEncoding('utf8');
  let text = '';
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<string>) {
      length += chunk.length;
      if (length <= maxMessageLength) text += chunk;
    }
  } catch (error) {
    if (request.complete) throw error;
    return undefined;
  }
  return length > maxMessageLength ? { kind: 'too_long' } : { kind: 'text', text };
}
