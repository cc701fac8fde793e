import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { CommandIo } from './command-io.ts';
import { type CommandRequest, type Frame, lineOf } from './messages.ts';

/** A client that does not read the end of the output within this time is disconnected. */
const lingerMs = 5_000;

type Question = { readonly ask: 'secret'; readonly prompt: string } | { readonly ask: 'input' };

/** Questions that wait for their answer, by the path that the client sends it to. */
export class Questions {
  readonly #waiting = new Map<string, (answer: string | undefined) => void>();

  open(): { readonly answerPath: string; readonly answer: Promise<string | undefined> } {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const answerPath = `/answers/${randomUUID()}`;
    this.#waiting.set(answerPath, resolve);
    return { answerPath, answer: promise };
  }

  /** False when no such question is open. */
  resolve(answerPath: string, answer: string | undefined): boolean {
    this.#waiting.get(answerPath)?.(answer);
    return this.#waiting.delete(answerPath);
  }
}

/**
 * Input and output of a command whose client is at the other end of the socket.
 * The client may disconnect at any time: from then on output is dropped and questions have no answer.
 */
export class RemoteIo implements CommandIo {
  readonly #response: ServerResponse;
  readonly #questions: Questions;
  /** Resolves when the client has gone or the listener closes: nothing waits for the client any longer. */
  readonly #abandoned: Promise<undefined>;
  readonly #closed: Promise<undefined>;
  isTerminal = false;
  columns: number | undefined;

  constructor(response: ServerResponse, questions: Questions, closing: Promise<undefined>) {
    this.#response = response;
    this.#questions = questions;
    this.#closed = new Promise((resolve) => {
      response.once('close', () => resolve(undefined));
    });
    this.#abandoned = Promise.race([this.#closed, closing]);
    // A write to a connection that was just lost is no failure of ours, and without a listener it would end the process.
    response.on('error', () => response.destroy());
  }

  begin({ isTerminal, columns }: CommandRequest): void {
    this.isTerminal = isTerminal;
    this.columns = columns;
    this.#head(200);
  }

  out(text: string): void {
    this.#send({ out: text });
  }

  err(text: string): void {
    this.#send({ err: text });
  }

  readSecret(prompt: string): Promise<string | undefined> {
    return this.#ask({ ask: 'secret', prompt });
  }

  readInput(): Promise<string | undefined> {
    return this.#ask({ ask: 'input' });
  }

  async drained(): Promise<void> {
    const response = this.#response;
    if (!response.writable || !response.writableNeedDrain) return;
    const drain = new Promise<void>((resolve) => {
      response.once('drain', resolve);
    });
    await Promise.race([drain, this.#abandoned]);
  }

  /** Responds to a request that runs no command. */
  refuse(status: number, sentence: string, code: number): Promise<void> {
    this.#head(status);
    this.err(sentence);
    return this.exit(code);
  }

  /** Sends the exit code and waits until the response has been written. */
  async exit(code: number): Promise<void> {
    this.#send({ exit: code });
    if (!this.#response.writable) return;
    const finished = new Promise<void>((resolve) => {
      this.#response.end(resolve);
    });
    const timer = setTimeout(() => this.#response.destroy(), lingerMs);
    await Promise.race([finished, this.#closed]);
    clearTimeout(timer);
  }

  #head(status: number): void {
    this.#response.writeHead(status, { 'content-type': 'application/x-ndjson', connection: 'close' }).flushHeaders();
  }

  #send(frame: Frame): void {
    if (this.#response.writable) this.#response.write(lineOf(frame));
  }

  async #ask(question: Question): Promise<string | undefined> {
    if (!this.#response.writable) return undefined;
    const { answerPath, answer } = this.#questions.open();
    this.#send({ ...question, answerPath });
    try {
      return await Promise.race([answer, this.#abandoned]);
    } finally {
      this.#questions.resolve(answerPath, undefined);
    }
  }
}
