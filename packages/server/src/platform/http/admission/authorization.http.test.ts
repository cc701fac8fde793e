import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { renderedForm } from '#test/support/rendered-form.ts';
import { observed, type SampleServer, sampleOptions, startSample } from '#test/support/sample-http-server.ts';
import { type Auth, apiEndpoint, buildServer } from '../index.ts';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

const session = 'latchkey_session=good';

describe('a page that needs a session', () => {
  const show = (headers: Record<string, string>) => fetch(`${sample.base}/account`, { headers, redirect: 'manual' });
  const submit = (fields: Record<string, string>, headers: Record<string, string>) =>
    fetch(`${sample.base}/account`, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' });

  it('gets the principal of the session cookie', async () => {
    const response = await show({ cookie: session });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('value="u"');
  });

  it.each([
    ['no cookie', {}],
    ['an invalid cookie', { cookie: 'latchkey_session=bad' }],
    ['a bearer token, which no browser sends when it opens a page', { authorization: 'Bearer good' }],
  ])('leads %s to the sign-in page and back, for GET and POST', async (_what, headers) => {
    const cookie = [renderedForm.cookie, (headers as { cookie?: string }).cookie ?? 'a=b'].join('; ');
    const post = await submit(
      { ...renderedForm.fields, user: 'x' },
      { 'sec-fetch-site': 'same-origin', ...headers, cookie },
    );
    for (const response of [await show(headers), post]) {
      expect([response.status, response.headers.get('location')]).toEqual([303, '/login?continue=%2Faccount']);
    }
  });

  it('leads a session whose proof is too old to the step-up page', async () => {
    const open = (cookie: string) =>
      fetch(`${sample.base}/account/delicate`, { headers: { cookie }, redirect: 'manual' });
    expect((await open(session)).status).toBe(200);
    const { status, headers } = await open('latchkey_session=unproven');
    expect([status, headers.get('location')]).toEqual([303, '/step-up?continue=%2Faccount%2Fdelicate']);
  });

  it('accepts its own form and rejects one that another site sends', async () => {
    const fields = { ...renderedForm.fields, user: 'x' };
    const cookie = `${session}; ${renderedForm.cookie}`;
    const own = await submit(fields, { cookie, 'sec-fetch-site': 'same-origin' });
    expect([own.status, await own.text()]).toEqual([200, expect.stringContaining('<p>u x</p>')]);
    const foreign: readonly Record<string, string>[] = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example' },
    ];
    for (const headers of foreign) expect((await submit(fields, { cookie, ...headers })).status).toBe(403);
    // Without a session as well: it leads no other site's visitor to the sign-in page.
    for (const headers of foreign.slice(1)) expect((await submit(fields, headers)).status).toBe(403);
  });

  it('shows a form with a stale token again, with the principal', async () => {
    const stale = await submit(
      { formToken: 'B'.repeat(43), user: 'x' },
      { cookie: session, 'sec-fetch-site': 'same-origin' },
    );
    expect([stale.status, await stale.text()]).toEqual([403, expect.stringContaining('value="u"')]);
  });
});

describe('the ticket of a login in progress', () => {
  const formCookie = `latchkey_form=${'a'.repeat(43)}`;
  const open = (path: string, cookie: string) => fetch(sample.base + path, { headers: { cookie }, redirect: 'manual' });

  it('reaches the pages of its steps, with the browser that was shown a form', async () => {
    const response = await open('/step', `latchkey_ticket=t; ${formCookie}`);
    expect([observed.caller?.ticketCookie, observed.caller?.browserHash?.length]).toEqual(['t', 32]);
    expect([response.status, response.headers.get('location')]).toEqual([303, '/other']);
    expect(response.headers.getSetCookie()).toEqual(['latchkey_ticket=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0']);
    const first = observed.caller?.browserHash;
    await open('/step', `latchkey_ticket=t; latchkey_form=${'b'.repeat(43)}`);
    expect(observed.caller?.browserHash?.equals(first ?? Buffer.alloc(0))).toBe(false);
    for (const other of ['', 'latchkey_form=short', 'latchkey_form=']) {
      await open('/step', `latchkey_ticket=t; ${other}`);
      expect(observed.caller?.browserHash).toBeUndefined();
    }
  });

  it('reaches no other page, and not the API', async () => {
    const waiting = await open('/other', `latchkey_ticket=t; ${formCookie}`);
    expect(observed.caller?.ticketCookie).toBeUndefined();
    expect([waiting.status, waiting.headers.get('retry-after')]).toEqual([429, '2']);
    const headers = { cookie: `latchkey_ticket=t; ${formCookie}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ email: 'a@example.com' });
    expect((await fetch(`${sample.base}/api/v1/echo`, { method: 'POST', headers, body })).status).toBe(201);
    expect([observed.caller?.ticketCookie, observed.caller?.browserHash]).toEqual([undefined, undefined]);
  });

  it('is refused when it is sent twice', async () => {
    expect((await open('/step', 'latchkey_ticket=a; latchkey_ticket=b')).status).toBe(400);
  });
});

describe('a declaration that the engine cannot enforce', () => {
  const declaring = (auth: Auth) =>
    buildServer(
      sampleOptions({
        endpoints: [
          apiEndpoint({
            id: 'test.strict',
            method: 'GET',
            path: '/api/v1/strict',
            tag: 'test',
            summary: 'Strict',
            auth,
            rateLimit: 'none',
            request: {},
            response: { status: 200, message: 'Done.', data: z.null(), example: null },
            problems: [],
            handler: () => ({ data: null }),
          }),
        ],
      }),
    );

  it.each<Auth>([
    { principals: [] },
    { principals: ['ticket'] },
    { principals: ['api_key'] },
    { principals: ['session', 'api_key'] },
    { principals: ['session', 'public'] },
    { principals: ['session'], permission: 'users.read' },
    { principals: ['public'], stepUp: { withinSeconds: 300 } },
    { principals: ['public', 'session'], stepUp: { withinSeconds: 300 } },
  ])('stops the start: %j', async (auth) => {
    await expect(declaring(auth)).rejects.toThrow('endpoint "test.strict": the engine');
  });
});
