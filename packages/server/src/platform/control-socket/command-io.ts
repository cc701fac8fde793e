/** Input and output of a command: a terminal of this process, or one at the other end of the control socket. */
export interface CommandIo {
  /** Whether `out` is a terminal and not a file or a pipe. */
  readonly isTerminal: boolean;
  /** The terminal's width in characters, where there is one. */
  readonly columns: number | undefined;
  /** Writes to standard output; newlines are the caller's. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Resolves when the reader has caught up or has gone; a command with much output awaits it now and then. */
  drained(): Promise<void>;
  /** Reads a secret without echo; undefined without a terminal. */
  readSecret(prompt: string): Promise<string | undefined>;
  /** All of standard input, at most 1 MB; undefined when it is a terminal or longer. */
  readInput(): Promise<string | undefined>;
}
