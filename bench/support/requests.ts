/** Requests as bytes, and the data of responses. */
import type { LoadResponse } from './load.ts';

export interface RequestOptions {
  readonly body?: unknown;
  readonly token?: string;
  readonly cookie?: string;
  /** Further headers, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The bytes of a request as a typical HTTP client sends it. */
export function requestBytes(method: 'GET' | 'POST', path: string, options: RequestOptions = {}): Buffer {
  const body = options.body === undefined ? '' : JSON.stringify(options.body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    'user-agent: latchkey-bench/1.0',
    'accept: application/json',
    ...(options.token === undefined ? [] : [`authorization: Bearer ${options.token}`]),
    ...(options.cookie === undefined ? [] : [`cookie: ${options.cookie}`]),
    ...Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ...(body === '' ? [] : ['content-type: application/json']),
    ...(method === 'GET' ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** The `data` member of an API response. */
export function dataOf<T>(response: LoadResponse): T {
  const envelope = JSON.parse(response.bytes.toString('utf8', response.headLength)) as { readonly data: T };
  return envelope.data;
}

/** The session cookie that a response sets, as a Cookie header. */
export function sessionCookieOf(response: LoadResponse): string {
  const head = response.bytes.toString('latin1', 0, response.headLength);
  const cookie = /\r\nset-cookie: (latchkey_session=[^;]+);/i.exec(head)?.[1];
  if (cookie === undefined) throw new Error('the login set no session cookie');
  return cookie;
}
