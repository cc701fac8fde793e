/** What is wrong: the directory cannot be used at all, or another process is using it. */
export type DataDirectoryErrorReason = 'unusable' | 'in_use';

/**
 * The data directory cannot be opened. The message is one sentence for the operator.
 * `exitCode` is 78 when the configuration or the directory must be changed first, and 1 when trying later is enough.
 */
export class DataDirectoryError extends Error {
  override name = 'DataDirectoryError';
  readonly reason: DataDirectoryErrorReason;
  readonly exitCode: 1 | 78;

  constructor(reason: DataDirectoryErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.exitCode = reason === 'in_use' ? 1 : 78;
  }
}
