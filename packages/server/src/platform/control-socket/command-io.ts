/** What a command sees of whoever started it: a terminal here, or one at the other end of the control socket. */
export interface CommandIo {
  /** Whether `out` goes to a person's terminal and not to a file or a pipe. */
  readonly isTerminal: boolean;
  /** The terminal's width in characters, where there is one. */
  readonly columns: number | undefined;
  /** Writes to standard output; newlines are the caller's. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Fulfilled when the reader has caught up or has gone; a command with much output waits for it now and then. */
  drained(): Promise<void>;
  /** Asks for a secret without echo; undefined when nobody can answer. */
  readSecret(prompt: string): Promise<string | undefined>;
  /** All of standard input, at most 1 MB; undefined when nobody can answer. */
  readInput(): Promise<string | undefined>;
}
