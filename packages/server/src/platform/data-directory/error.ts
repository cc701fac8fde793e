/** `unusable`: configuration, ownership or disk. `in_use`: another process holds the lock. */
export type DataDirectoryErrorReason = 'unusable' | 'in_use';

/**
 * The data directory cannot be opened. The message is for the operator.
 * `exitCode` is 78 (EX_CONFIG) when the operator must change something first, and 1 when a later retry may succeed.
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
