/** HTTP by hand: what no client library would send. */
import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const deadlineMs = 10_000;

/** Sends bytes as they are and answers the first response; fails when none has come after ten seconds. */
export function sendRaw(port: number, bytes: string | Uint8Array, host = '127.0.0.1'): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    let received = Buffer.alloc(0);
    const deadline = setTimeout(() => finish(new Error(`no answer, only: ${received.toString('latin1')}`)), deadlineMs);
    const finish = (outcome: RawAnswer | Error): void => {
      clearTimeout(deadline);
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const answer = parseAnswer(received);
      if (answer !== undefined) finish(answer);
    });
    socket.on('close', () => finish(new Error(`closed without an answer: ${received.toString('latin1')}`)));
    socket.on('error', (error) => finish(error));
  });
}

function parseAnswer(received: Buffer): RawAnswer | undefined {
  const text = received.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  // 100 Continue is no answer yet.
  if (status === 100) return parseAnswer(received.subarray(end + 4));
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const length = Number(headers['content-length'] ?? 0);
  const body = received.subarray(end + 4);
  return body.length < length ? undefined : { status, headers, body: body.subarray(0, length).toString('utf8') };
}
