/** Errors that the operator can fix. They are printed without a stack trace. */

/** Exit codes: 78 (EX_CONFIG) for an invalid configuration, 2 for wrong usage, 1 otherwise. */
export class OperatorError extends Error {
  override name = 'OperatorError';
  readonly exitCode: 1 | 2 | 78;

  constructor(message: string, exitCode: 1 | 2 | 78, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
