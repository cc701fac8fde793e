/** HTTP over a bare socket, for requests that no client library sends. */
import { connect } from 'node:net';

export interface RawResponse {
  readonly status: number;
  /** By lower-case name; the values of a repeated header are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const deadlineMs = 10_000;

/** Sends the bytes and returns the first response; fails after ten seconds without one. */
export function sendRaw(port: number, bytes: string | Uint8Array, host = '127.0.0.1'): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    let received = Buffer.alloc(0);
    const deadline = setTimeout(
      () => finish(new Error(`no response, only: ${received.toString('latin1')}`)),
      deadlineMs,
    );
    const finish = (outcome: RawResponse | Error): void => {
      clearTimeout(deadline);
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const response = parseResponse(received);
      if (response !== undefined) finish(response);
    });
    socket.on('close', () => finish(new Error(`closed without a response: ${received.toString('latin1')}`)));
    socket.on('error', (error) => finish(error));
  });
}

function parseResponse(received: Buffer): RawResponse | undefined {
  const text = received.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  // 100 Continue is an interim response.
  if (status === 100) return parseResponse(received.subarray(end + 4));
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
