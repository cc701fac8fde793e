/**
 * The control socket: how a command reaches the process that has the data directory open.
 * It owns `control.sock` in the data directory, or, where that path is too long for a socket, a directory in the system's
 * temporary one and `control.path`, which names it. Invariants: only our own user can connect (socket 0600 in a directory
 * 0700); a socket is replaced only by the holder of the directory's lock; a command that has begun is finished, whoever
 * hangs up.
 */
export { type CommandOutcome, sendCommand } from './client.ts';
export type { CommandIo } from './command-io.ts';
export { type CommandListener, listenForCommands, type RunCommand } from './server.ts';
