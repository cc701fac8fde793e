import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawResponse, sendRaw } from '#test/support/raw-http.ts';
import { type SampleServer, startSample } from '#test/support/sample-http-server.ts';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

// A query sends a request through the engine; without one it goes past it.
describe.each(['/livez', '/api/v1/me'])('%s, past the engine and through it', (path) => {
  const heads = {
    'nothing presented': '',
    'a live session': 'Authorization: Bearer good\r\n',
    'a header twice': 'Authorization: Bearer good\r\nAuthorization: Bearer good\r\n',
    'a body': 'Content-Length: 2\r\n',
    'a method that cannot be': 'X-HTTP-Method-Override: DELETE\r\n',
  };
  it.each(Object.entries(heads))('answers the same: %s', async (_, head) => {
    const body = head.startsWith('Content-Length') ? '{}' : '';
    const ask = (target: string) =>
      sendRaw(sample.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nX-Request-Id: request-1\r\n${head}\r\n${body}`);
    expect(withoutDate(await ask(path))).toEqual(withoutDate(await ask(`${path}?`)));
  });
});

function withoutDate({ headers, ...answer }: RawResponse) {
  return { ...answer, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'date')) };
}
