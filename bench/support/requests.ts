/** Requests as bytes, and the data of answers. */
import type { Answer } from './load.ts';

/** What a request carries beyond method and path. */
export interface RequestOptions {
  readonly body?: unknown;
  readonly token?: string;
  readonly cookie?: string;
  /** Further fields, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The bytes of a request as an application's HTTP client would write it. */
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

/** The `data` of an answer of the API. */
export function dataOf<T>(answer: Answer): T {
  const envelope = JSON.parse(answer.bytes.toString('utf8', answer.headLength)) as { readonly data: T };
  return envelope.data;
}

/** The session cookie that an answer sets, as a request sends it back. */
export function sessionCookieOf(answer: Answer): string {
  const head = answer.bytes.toString('latin1', 0, answer.headLength);
  const cookie = /\r\nset-cookie: (latchkey_session=[^;]+);/i.exec(head)?.[1];
  if (cookie === undefined) throw new Error('the login set no session cookie');
  return cookie;
}
