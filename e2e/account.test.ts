import { rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf, refusalOf, type Tokens } from './support/client.ts';
import { awaitLink } from './support/inbox.ts';
import { pressLink } from './support/page.ts';
import { makeDirectory, type RunningServer, startServer } from './support/server.ts';

const email = 'ada@example.com';
const newEmail = 'ada@example.org';
const password = 'a long enough password';
const afterUndo = 'chosen when it was undone';

/** In one order, as one life: each step stands on what the step before left. Every link is pressed on its page. */
describe.each(['embedded', 'postgres'] as const)('the rest of a life, by pages, on the %s database', (kind) => {
  let server: RunningServer;
  let browser: Client;
  let tokens: Tokens;

  beforeAll(async () => {
    const dataDirectory = makeDirectory();
    server = await startServer({ database: kind === 'embedded' ? 'embedded' : await createDatabase(), dataDirectory });
    browser = client(server.url, { cookies: true });
    dataOf(await browser.register({ email, password }));
    expect(await pressLink(browser, await mailed(email, '/verify-email'))).toBe(200);
    tokens = dataOf(await browser.login(email, password));
    return async () => {
      expect(await server.stop()).toBe(0);
      rmSync(dataDirectory, { recursive: true });
    };
  });

  const mailed = (to: string, path: string) => awaitLink(() => browser.inbox(to), path);
  const close = (currentPassword: string) =>
    browser.api('DELETE', '/users/me', { token: tokens.accessToken, body: { currentPassword } });

  async function untilDead(): Promise<void> {
    expect(refusalOf(await browser.refresh(tokens.refreshToken))).toBe('invalid_refresh_token');
    const dead = async () => (await browser.me(tokens.accessToken)).status === 401;
    await eventually(dead, { what: 'the access token is dead', timeoutMs: 1000 });
  }

  it('changes the address: the new one logs in, the old one and every session are dead', async () => {
    const body = { newEmail, currentPassword: password };
    dataOf(await browser.api('POST', '/users/me/email', { token: tokens.accessToken, body }));
    expect(await pressLink(browser, await mailed(newEmail, '/confirm-email-change'))).toBe(200);
    await untilDead();
    expect(refusalOf(await browser.login(email, password))).toBe('invalid_credentials');
    tokens = dataOf(await browser.login(newEmail, password));
  });

  it('undoes it from the old address, with a new password', async () => {
    const undo = await mailed(email, '/undo-email-change');
    expect(await pressLink(browser, undo, { password: afterUndo })).toBe(200);
    await untilDead();
    expect(refusalOf(await browser.login(newEmail, password))).toBe('invalid_credentials');
    expect(refusalOf(await browser.login(email, password))).toBe('invalid_credentials');
    tokens = dataOf(await browser.login(email, afterUndo));
  });

  it('closes the account: nothing goes on, and a login is asked whether to keep it', async () => {
    dataOf(await close(afterUndo));
    await untilDead();
    const asked = dataOf<object>(await browser.login(email, afterUndo));
    expect(asked).toMatchObject({ step: 'cancel_deletion' });
    expect(asked).not.toHaveProperty('accessToken');
  });

  it('keeps it by the mailed page', async () => {
    expect(await pressLink(browser, await mailed(email, '/cancel-deletion'))).toBe(200);
    tokens = dataOf(await browser.login(email, afterUndo));
    expect(dataOf(await browser.me(tokens.accessToken))).toMatchObject({ email, status: 'active' });
  });

  it('is gone when the grace is over: the address is free again', async () => {
    dataOf(await close(afterUndo));
    const moved = await browser.send('POST', '/dev/clock', {
      headers: { 'content-type': 'application/json' },
      body: '{"advance":"8d"}',
    });
    expect(moved.status).toBe(200);
    expect(refusalOf(await browser.login(email, afterUndo))).toBe('invalid_credentials');
    const again = client(server.url, { cookies: true });
    const isFree = async () => {
      dataOf(await again.register({ email, password }));
      const newest = (await again.inbox(email))[0]?.links ?? [];
      return newest.some((link) => new URL(link).pathname === '/verify-email');
    };
    await eventually(isFree, { what: 'the address can be registered', timeoutMs: 20_000 });
    expect(await pressLink(again, await mailed(email, '/verify-email'))).toBe(200);
    expect(refusalOf(await again.login(email, afterUndo))).toBe('invalid_credentials');
  });
});
