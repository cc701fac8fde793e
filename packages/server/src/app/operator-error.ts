/** What an operator can mend: one sentence and an exit code, never a stack trace. */

/** 78 is EX_CONFIG: what was configured cannot work; 1 is everything else. */
export class OperatorError extends Error {
  override name = 'OperatorError';
  readonly exitCode: 1 | 2 | 78;

  constructor(sentence: string, exitCode: 1 | 2 | 78, options?: ErrorOptions) {
    super(sentence, options);
    this.exitCode = exitCode;
  }
}
