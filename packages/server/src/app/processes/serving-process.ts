/** A forked serving process, seen from its parent. */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Answers, FromProcess, Share, ToProcess } from './messages.ts';

const servingProgram = fileURLToPath(new URL('./main.ts', import.meta.url));

/** A process that does not answer for longer is taken as busy or ended. */
const answerMs = 1000;

export interface ProcessExit {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

export class ServingProcess {
  readonly ended: Promise<ProcessExit>;
  /** Resolves when the process listens; never when it ends before. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (answer: unknown) => void>();
  #isReady = false;
  #sentence: string | undefined;
  #asked = 0;
  #isStopping = false;

  /** @param program a module that keeps to `messages.ts`. */
  constructor(share: Share, program: string = servingProgram) {
    // Structured clones keep the NaN of metrics without a value. Output goes to the streams of the parent.
    this.#child = fork(program, [JSON.stringify(share)], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<ProcessExit>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.#child.on('message', (message: FromProcess) => this.#receive(message, ready.resolve));
    this.#child.once('exit', (code, signal) =>
      ended.resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }),
    );
    // The process could not be started, or a message could not be sent because it is ending.
    this.#child.on('error', () => {
      if (this.#child.pid === undefined) ended.resolve({ exitCode: 1, signal: undefined });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Why its start failed, for the operator. */
  get sentence(): string | undefined {
    return this.#sentence;
  }

  /** Returns undefined when the process does not answer in time. */
  async ask<K extends keyof Answers>(ask: K): Promise<Answers[K] | undefined> {
    if (!this.#child.connected) return undefined;
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#answers.set(id, resolve);
    this.#send({ kind: 'ask', id, ask });
    const answer = await Promise.race([promise, pause(answerMs, undefined, { ref: false }), this.ended]);
    this.#answers.delete(id);
    return isExit(answer) ? undefined : (answer as Answers[K] | undefined);
  }

  /** A process that is not ready yet reads the secrets at its start, or has read them and gets the message when it is. */
  reload(): void {
    if (this.#child.connected) this.#send({ kind: 'reload' });
  }

  /** Sends SIGTERM once: a second signal would end the process without finishing its requests. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#child.kill('SIGTERM');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToProcess): void {
    this.#child.send(message);
  }

  #receive(message: FromProcess, becomeReady: () => void): void {
    if (message.kind === 'ready') {
      this.#isReady = true;
      becomeReady();
    } else if (message.kind === 'failed') this.#sentence = message.sentence;
    else this.#answers.get(message.id)?.(message.answer);
  }
}

function isExit(answer: unknown): answer is ProcessExit {
  return typeof answer === 'object' && answer !== null && 'exitCode' in answer;
}
