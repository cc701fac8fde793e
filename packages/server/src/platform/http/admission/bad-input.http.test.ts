import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Body, type SampleServer, startSample } from '#test/support/sample-http-server.ts';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

describe('a bad body', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const cases: readonly (readonly [string, Body, number, string])[] = [
    ['no JSON', '{', 400, 'malformed_json'],
    ['nothing', '', 400, 'malformed_json'],
    ['a duplicate key', '{"email":"a","email":"b"}', 400, 'duplicate_key'],
    ['a duplicate key by escape', '{"email":"a","\\u0065mail":"b"}', 400, 'duplicate_key'],
    ['__proto__', '{"__proto__":{"a":1},"email":"a"}', 400, 'forbidden_key'],
    ['10,000 levels', deep.slice(0, 16_000), 400, 'too_deep'],
    ['10,000 levels and too large', deep, 413, 'body_too_large'],
    ['1 MB', `{"email":"${'a'.repeat(1024 * 1024)}"}`, 413, 'body_too_large'],
    ['8 MB', `{"email":"${'a'.repeat(8 * 1024 * 1024)}"}`, 413, 'body_too_large'],
    ['invalid UTF-8', Uint8Array.from([0x7b, 0xff, 0x7d]), 400, 'malformed_request'],
    ['a byte order mark', '\uFEFF{"email":"a"}', 400, 'malformed_json'],
    ['a null byte', '{"email":"a\\u0000b"}', 422, 'validation_failed'],
    ['a lone surrogate', '{"email":"\\ud800"}', 422, 'validation_failed'],
    ['a raw null byte', '{"email":"a\u0000"}', 400, 'malformed_json'],
    ['a number for a text', '{"email":1}', 422, 'validation_failed'],
    ['an array for a text', '{"email":["a"]}', 422, 'validation_failed'],
    ['an object for a text', '{"email":{"$ne":null}}', 422, 'validation_failed'],
    ['null for a text', '{"email":null}', 422, 'validation_failed'],
    ['an array for the body', '[]', 422, 'validation_failed'],
    ['null for the body', 'null', 422, 'validation_failed'],
    ['an unknown key', '{"email":"a","admin":true}', 422, 'validation_failed'],
    ['the key constructor', '{"email":"a","constructor":{"prototype":{}}}', 422, 'validation_failed'],
  ];

  it.each(cases)('of %s is rejected', async (_, body, status, code) => {
    const response = await sample.post(body);
    expect([response.status, response.json.code]).toEqual([status, code]);
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  });

  it('400 says where the fault is, and nothing of the text', async () => {
    const detailOf = async (body: Body) => (await sample.post(body)).json.detail;
    expect(await detailOf('{\n  "email": hunter2\n}')).toBe(
      'The request body is not valid JSON. See line 2, column 12.',
    );
    expect(await detailOf('{"email":"a","email":"b"}')).toContain('See line 1, column 14.');
    expect(await detailOf('{"email":"hunter2')).toContain('See line 1, column 18.');
    expect(await detailOf('')).toBe('The request body is not valid JSON. The body is empty.');
  });

  it('422 is in plain words', async () => {
    const messageOf = async (body: string) => (await sample.post(body)).json.errors?.[0]?.message;
    expect(await messageOf('{}')).toBe('This field is required.');
    expect(await messageOf('{"email":1}')).toBe('Send a text.');
    expect(await messageOf(`{"email":"${'x'.repeat(255)}"}`)).toBe('Use at most 254 characters.');
    expect(await messageOf('[]')).toBe('Send an object.');
    const query = await sample.call('/api/v1/things?sort=secret');
    expect(query.json.errors?.[0]?.message).toBe('Use one of: name, age.');
  });

  it('422 lists each field by JSON Pointer and code, without its value', async () => {
    const { json } = await sample.post('{"email":1234567890123,"a/b~":"hunter2"}');
    expect(json.errors).toEqual([
      { path: '/email', code: 'invalid_type', message: expect.any(String) },
      { path: '/a~1b~0', code: 'unknown_key', message: expect.any(String) },
    ]);
    expect(JSON.stringify(json)).not.toMatch(/1234567890123|hunter2/);
    expect((await sample.post('{}')).json.errors).toMatchObject([{ path: '/email', code: 'required' }]);
    expect((await sample.post(`{"email":"${'x'.repeat(255)}"}`)).json.errors).toMatchObject([{ code: 'too_long' }]);
    expect((await sample.post('{"email":"\\u0000"}')).json.errors).toMatchObject([
      { path: '/email', code: 'invalid_characters' },
    ]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/problem+json',
    'nonsense',
  ])('of type %s gets 415', async (type) => {
    const response = await sample.post('{"email":"a"}', { 'content-type': type });
    expect([response.status, response.json.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('that is compressed gets 415', async () => {
    expect((await sample.post('{"email":"a"}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('without a type gets 415', async () => {
    const response = await sample.call('/api/v1/echo', { method: 'POST', body: new Uint8Array([123, 125]) });
    expect(response.status).toBe(415);
  });

  it.each([
    'Application/JSON;charset="UTF-8"',
    'application/json;',
    'application/json; charset=utf8',
    'application/json; odata.metadata=minimal',
  ])('of type %s is accepted', async (type) => {
    expect((await sample.post('{"email":"a"}', { 'content-type': type })).status).toBe(201);
  });
});

describe('a body that is not declared', () => {
  const leave = (body: Body | null) =>
    sample.call('/api/v1/leave', {
      method: 'POST',
      body,
      headers: { authorization: 'Bearer good', 'content-type': 'application/json' },
    });

  it('may be empty or {} and nothing else', async () => {
    expect([(await leave(null)).status, (await leave('{}')).status]).toEqual([200, 200]);
    expect((await leave('{"a":1}')).json.errors).toMatchObject([{ path: '/a', code: 'unknown_key' }]);
    expect((await leave('[]')).status).toBe(422);
    expect((await leave('{')).status).toBe(400);
  });

  it('is rejected with DELETE', async () => {
    const path = '/api/v1/things/0190b9e0-0000-7000-8000-000000000000';
    const refused = await sample.call(path, {
      method: 'DELETE',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect([refused.status, refused.json.code]).toEqual([400, 'malformed_request']);
    expect((await sample.call(path, { method: 'DELETE' })).status).toBe(200);
  });
});

describe('a bad target', () => {
  it.each([
    ['/api/v1/nothing', 404, 'not_found'],
    ['/api/v1/things/not-a-uuid', 405, 'method_not_allowed'],
    ['/', 404, 'not_found'],
    ['/livez/', 404, 'not_found'],
    ['/LIVEZ', 404, 'not_found'],
    ['/livez;x=1', 404, 'not_found'],
    ['/%ff', 400, 'malformed_request'],
    ['/%00', 404, 'not_found'],
    ['/../etc/passwd', 404, 'not_found'],
    [`/${'a'.repeat(5000)}`, 414, 'uri_too_long'],
    ['/api/v1/things?sort=secret', 422, 'validation_failed'],
    ['/api/v1/things?sort=name&sort=age', 400, 'malformed_request'],
    ['/api/v1/things?other=1', 422, 'validation_failed'],
    ['/api/v1/things?__proto__=1', 400, 'forbidden_key'],
    ['/api/v1/things?sort=%ff', 400, 'malformed_request'],
    ['/api/v1/things?sort=%00', 422, 'validation_failed'],
    ['/api/v1/slow?unknown=1', 422, 'validation_failed'],
    [`/livez?${'a&'.repeat(100)}`, 400, 'malformed_request'],
  ])('%.40s is rejected', async (path, status, code) => {
    const response = await sample.call(path);
    expect([response.status, response.json.code]).toEqual([status, code]);
  });

  it('404 for a slash too many says so', async () => {
    for (const path of ['/livez/', '/api/v1/echo/', '/api/things//']) {
      expect((await sample.call(path)).json.detail).toContain('Remove the slash at its end.');
    }
    expect((await sample.call('/nothing/')).json.detail).toBe('There is nothing at this address.');
  });

  it('405 and OPTIONS list the allowed methods', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'SEARCH']) {
      const response = await sample.call('/api/v1/echo', { method });
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'POST, OPTIONS']);
    }
    const options = await sample.call('/livez', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    expect((await sample.call('/openapi.json', { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBe(
      '*',
    );
    expect((await sample.call('/nothing', { method: 'OPTIONS' })).status).toBe(404);
  });

  it('404 for a parameter that identifies nothing', async () => {
    const response = await sample.call('/api/v1/things/not-a-uuid', { method: 'DELETE' });
    expect([response.status, response.json.code]).toEqual([404, 'not_found']);
  });

  it('404 before the body is read', async () => {
    const response = await sample.call('/nothing', { method: 'POST', body: 'x'.repeat(100_000) });
    expect([response.status, response.headers.get('connection')]).toEqual([404, 'close']);
  });
});
