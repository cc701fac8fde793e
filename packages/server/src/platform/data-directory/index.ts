/**
 * The data directory: where everything that one deployment keeps on this machine lives, and who may use it.
 * It owns the directory itself (0700), `lock` and `lock.pid`; what lies inside belongs to other modules.
 * Invariants: nobody but our own user can look inside, and at most one process has it open. A second process on the
 * embedded database would lose acknowledged rows in silence, so nothing in the directory is touched before it is locked.
 */
export { DataDirectoryError, type DataDirectoryErrorReason } from './error.ts';
export { type DataDirectory, type LockState, lockState, openDataDirectory, preparePrivateDirectory } from './open.ts';
