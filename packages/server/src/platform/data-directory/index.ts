/**
 * The data directory, which contains everything that a deployment stores on this machine.
 * It owns the directory itself (mode 0700), `lock` and `lock.pid`; other modules own the files inside.
 * Invariants: only the process's own user can enter the directory; at most one process has it open. Two processes on the
 * embedded database would lose committed rows without an error, so nothing opens the database before the lock is held.
 */
export { DataDirectoryError, type DataDirectoryErrorReason } from './error.ts';
export { type DataDirectory, type LockState, lockState, openDataDirectory, preparePrivateDirectory } from './open.ts';
