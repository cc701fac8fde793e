/**
 * The control socket: HTTP on a Unix socket, by which a command reaches the process that holds the data directory.
 *
 *     POST /commands       {"argv":["user","create"],"isTerminal":true,"columns":120}
 *                      →   {"out":"…"} {"err":"…"} {"ask":"secret","prompt":"Password: ","answerPath":"/answers/6f1c…"} {"exit":0}
 *     POST /answers/6f1c…  {"answer":"…"}, or null where the client has none
 *
 * The response of a command is a stream of frames, one line of JSON each (NDJSON); `exit` is the last.
 *
 * Owns `control.sock` in the data directory or, where that path is too long for a socket, a directory in the system's
 * temporary one, and `control.path`, which names it.
 * Invariants: only our own user can connect (socket 0600 in a directory 0700); only the holder of the directory's lock
 * replaces a socket; a command that has begun is finished, also when its client disconnects.
 */
export { type CommandOutcome, sendCommand } from './client.ts';
export type { CommandIo } from './command-io.ts';
export { type CommandListener, listenForCommands, type RunCommand } from './server.ts';
