import { rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyEmbedded } from '../packages/server/test/support/embedded-template.ts';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf, problemOf, type Tokens } from './support/client.ts';
import { awaitLink, readInbox } from './support/inbox.ts';
import { submitLinkPage } from './support/page.ts';
import { makeDirectory, type RunningServer, startServer } from './support/server.ts';

const email = 'ada@example.com';
const newEmail = 'ada@example.org';
const password = 'a long enough password';
const afterUndo = 'chosen when it was undone';

/** The tests depend on each other in this order. Every link is consumed on its page. */
describe.each(['embedded', 'postgres'] as const)(
  'change and deletion of an account by pages, on the %s database',
  (kind) => {
    let server: RunningServer;
    let browser: Client;
    let tokens: Tokens;

    beforeAll(async () => {
      const dataDirectory = kind === 'embedded' ? await copyEmbedded() : makeDirectory();
      server = await startServer({
        database: kind === 'embedded' ? 'embedded' : await cloneDatabase(),
        dataDirectory,
      });
      browser = client(server.url, { cookies: true });
      dataOf(await browser.register({ email, password }));
      expect(await submitLinkPage(browser, await mailed(email, '/verify-email'))).toBe(200);
      tokens = dataOf(await browser.login(email, password));
      return async () => {
        expect(await server.stop()).toBe(0);
        rmSync(dataDirectory, { recursive: true });
      };
    });

    const mailed = (to: string, path: string) => awaitLink(() => readInbox(server.opsUrl, to), path);
    const deleteAccount = (currentPassword: string) =>
      browser.api('DELETE', '/users/me', { token: tokens.accessToken, body: { currentPassword } });

    async function awaitRevocation(): Promise<void> {
      expect(problemOf(await browser.refresh(tokens.refreshToken))).toBe('invalid_refresh_token');
      const isRejected = async () => (await browser.me(tokens.accessToken)).status === 401;
      await eventually(isRejected, { what: 'the access token is rejected', timeoutMs: 1000 });
    }

    it('changes the address: the new one logs in, the old one is rejected, and every session is revoked', async () => {
      const body = { newEmail, currentPassword: password };
      dataOf(await browser.api('POST', '/users/me/email', { token: tokens.accessToken, body }));
      expect(await submitLinkPage(browser, await mailed(newEmail, '/confirm-email-change'))).toBe(200);
      await awaitRevocation();
      expect(problemOf(await browser.login(email, password))).toBe('invalid_credentials');
      tokens = dataOf(await browser.login(newEmail, password));
    });

    it('undoes the change from the old address, with a new password', async () => {
      const undo = await mailed(email, '/undo-email-change');
      expect(await submitLinkPage(browser, undo, { password: afterUndo })).toBe(200);
      await awaitRevocation();
      expect(problemOf(await browser.login(newEmail, password))).toBe('invalid_credentials');
      expect(problemOf(await browser.login(email, password))).toBe('invalid_credentials');
      tokens = dataOf(await browser.login(email, afterUndo));
    });

    it('deletes the account: sessions are revoked, and a login returns the step cancel_deletion', async () => {
      dataOf(await deleteAccount(afterUndo));
      await awaitRevocation();
      const login = dataOf<object>(await browser.login(email, afterUndo));
      expect(login).toMatchObject({ step: 'cancel_deletion' });
      expect(login).not.toHaveProperty('accessToken');
    });

    it('cancels the deletion on the mailed page', async () => {
      expect(await submitLinkPage(browser, await mailed(email, '/cancel-deletion'))).toBe(200);
      tokens = dataOf(await browser.login(email, afterUndo));
      expect(dataOf(await browser.me(tokens.accessToken))).toMatchObject({ email, status: 'active' });
    });

    it('erases the account after the grace period: the address is available again', async () => {
      dataOf(await deleteAccount(afterUndo));
      const advanced = await fetch(`${server.opsUrl}/dev/clock`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"advance":"8d"}',
      });
      expect(advanced.status).toBe(200);
      expect(problemOf(await browser.login(email, afterUndo))).toBe('invalid_credentials');
      const newBrowser = client(server.url, { cookies: true });
      const isAvailable = async () => {
        dataOf(await newBrowser.register({ email, password }));
        const newest = (await readInbox(server.opsUrl, email))[0]?.links ?? [];
        return newest.some((link) => new URL(link).pathname === '/verify-email');
      };
      await eventually(isAvailable, { what: 'the address can be registered', timeoutMs: 20_000 });
      expect(await submitLinkPage(newBrowser, await mailed(email, '/verify-email'))).toBe(200);
      expect(problemOf(await newBrowser.login(email, afterUndo))).toBe('invalid_credentials');
    });
  },
);
