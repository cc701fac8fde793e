import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendRaw } from '#test/support/raw-http.ts';
import { now, observed, type SampleServer, startSample } from '#test/support/sample-http-server.ts';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

describe('bytes that are no request', () => {
  const host = `Host: 127.0.0.1\r\n`;
  const json = 'Content-Type: application/json\r\n';
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['TLS', Buffer.from('16030100', 'hex'), 400, 'malformed_request'],
    ['an unknown method', `BREW /livez HTTP/1.1\r\n${host}\r\n`, 400, 'malformed_request'],
    ['no version', 'GET /livez\r\n\r\n', 400, 'malformed_request'],
    ['a space in the target', `GET /li vez HTTP/1.1\r\n${host}\r\n`, 400, 'malformed_request'],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n', 400, 'malformed_request'],
    ['two Hosts', `GET /livez HTTP/1.1\r\n${host}${host}\r\n`, 400, 'malformed_request'],
    [
      'two Authorizations',
      `GET /api/v1/me HTTP/1.1\r\n${host}Authorization: Bearer good\r\nauthorization: Bearer good\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'two Content-Lengths',
      `POST /api/v1/echo HTTP/1.1\r\n${host}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      400,
      'malformed_request',
    ],
    [
      'both lengths',
      `POST /api/v1/echo HTTP/1.1\r\n${host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'a chunk of a wrong size',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\n2\r\n{}oops\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'a chunk size that is no number',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`,
      400,
      'malformed_request',
    ],
    ['a GET with a body', `GET /livez HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\n{}`, 400, 'malformed_request'],
    ['a header line without a colon', `GET /livez HTTP/1.1\r\n${host}nonsense\r\n\r\n`, 400, 'malformed_request'],
    ['a header that is folded', `GET /livez HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400, 'malformed_request'],
    ['a null byte in a header', `GET /livez HTTP/1.1\r\n${host}X: a\u0000b\r\n\r\n`, 400, 'malformed_request'],
    [
      'headers that are too large',
      `GET /livez HTTP/1.1\r\n${host}X: ${'a'.repeat(100_000)}\r\n\r\n`,
      431,
      'header_fields_too_large',
    ],
    [
      'an expectation',
      `POST /api/v1/echo HTTP/1.1\r\n${host}Expect: miracles\r\nContent-Length: 2\r\n\r\n{}`,
      417,
      'expectation_failed',
    ],
    ['CONNECT', `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed'],
    ['a body announced by its type only', `POST /api/v1/echo HTTP/1.1\r\n${host}${json}\r\n`, 400, 'malformed_json'],
    ['neither a type nor a body', `POST /api/v1/echo HTTP/1.1\r\n${host}\r\n`, 415, 'unsupported_media_type'],
    ['a head that does not end', `GET /livez HTTP/1.1\r\n${host}`, 408, 'request_timeout'],
    [
      'a body that does not end',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Content-Length: 20\r\n\r\n{`,
      408,
      'request_timeout',
    ],
  ])('%s gets a problem document', async (_, bytes, status, code) => {
    const response = await sendRaw(sample.port, bytes);
    const document = JSON.parse(response.body) as { readonly code: string; readonly meta: unknown };
    expect([response.status, document.code]).toEqual([status, code]);
    expect(document.meta).toEqual({ timestamp: now.toISOString(), requestId: response.headers['x-request-id'] });
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  });

  it.each([
    [
      'an absolute form, whose authority decides nothing',
      `GET http://elsewhere.example/livez HTTP/1.1\r\n${host}\r\n`,
      200,
    ],
    ['HTTP/1.0 without Host', 'GET /livez HTTP/1.0\r\n\r\n', 200],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 204],
    [
      'Expect: 100-continue',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n{"email":"a"}`,
      201,
    ],
    [
      'a chunked body',
      `POST /api/v1/echo HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\nd\r\n{"email":"a"}\r\n0\r\n\r\n`,
      201,
    ],
  ])('%s gets its response', async (_, bytes, status) => {
    expect((await sendRaw(sample.port, bytes)).status).toBe(status);
  });

  it('are logged without any of their content', async () => {
    observed.lines.length = 0;
    await sendRaw(sample.port, 'SECRET-METHOD /secret?token=1 HTTP/1.1\r\n\r\n');
    expect(JSON.parse(observed.lines.at(-1)!)).toMatchObject({ problem: 'malformed_request', status: 400 });
    expect(observed.lines.join('')).not.toMatch(/secret/i);
  });
});
