/** `npm run screenshots`: pictures of every page and mail in docs/screenshots, on a phone in the dark and on a desktop in the light. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { openChromium } from '../e2e/support/chromium.ts';
import { findFreePort } from '../e2e/support/free-port.ts';
import { openContext, openPage, type View } from '../e2e/support/look-at-page.ts';
import { reachPages } from '../e2e/support/page-visits.ts';
import { mailTemplates } from '../packages/server/src/domain/mail-ledger/index.ts';
import { Application } from '../packages/server/test/support/application.ts';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { stopSharedProvider } from '../packages/server/test/support/shared-provider.ts';
import { root } from './steps.ts';

const views: readonly View[] = [
  { width: 1280, height: 800, scheme: 'light', language: 'en' },
  { width: 360, height: 740, scheme: 'dark', language: 'en' },
];

/** They are as long as the API, and change with it. */
const references: ReadonlySet<string> = new Set(['docs.reference', 'docs.problems']);

const folder = join(root, 'docs', 'screenshots');
const [port, opsPort] = [await findFreePort(), await findFreePort()];
const [origin, opsOrigin] = [`http://localhost:${port}`, `http://localhost:${opsPort}`];
const env = { ...loginMethodsEnabled, LATCHKEY_PUBLIC_URL: origin, LATCHKEY_SERVICE_NAME: 'Acme' };
const app = await Application.open({ env, databaseKind: 'embedded' });
await app.server.listen({ hosts: ['127.0.0.1', '::1'], port });
await app.opsServer.listen({ hosts: ['127.0.0.1', '::1'], port: opsPort });
const browser = await openChromium();
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const visits = (await reachPages(app, true)).filter(({ name }) => !references.has(name));
for (const view of views) {
  const context = await openContext(browser, view);
  for (const visit of visits) await picture(await openPage(context, origin, visit), visit.name, view);
  await pictureMails(context, view);
  await context.close();
}
await browser.close();
await stopSharedProvider(app);
await app.close();

async function pictureMails(context: BrowserContext, view: View): Promise<void> {
  for (const template of Object.keys(mailTemplates)) {
    const query = new URLSearchParams({ template, locale: view.language }).toString();
    const visit = { name: `mail ${template}`, path: `/dev/mails/preview?${query}`, cookie: '' };
    await picture(await openPage(context, opsOrigin, visit), visit.name, view);
  }
}

async function picture(page: Page, name: string, { width, scheme }: View): Promise<void> {
  const file = `${name.replaceAll(/\W+/g, '-')}.${width}.${scheme}.png`;
  await page.screenshot({ path: join(folder, file), fullPage: true });
}
