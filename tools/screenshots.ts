/** `npm run screenshots`: pictures of every page in docs/screenshots, on a phone in the dark and on a desktop in the light. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openChromium } from '../e2e/support/chromium.ts';
import { findFreePort } from '../e2e/support/free-port.ts';
import { openContext, openPage } from '../e2e/support/look-at-page.ts';
import { reachPages } from '../e2e/support/page-visits.ts';
import { Application } from '../packages/server/test/support/application.ts';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { root } from './steps.ts';

const views = [
  { width: 1280, height: 800, scheme: 'light', language: 'en' },
  { width: 360, height: 740, scheme: 'dark', language: 'en' },
] as const;

/** They are as long as the API, and change with it. */
const references: ReadonlySet<string> = new Set(['docs.reference', 'docs.problems']);

const folder = join(root, 'docs', 'screenshots');
const port = await findFreePort();
const origin = `http://localhost:${port}`;
const env = { ...loginMethodsEnabled, LATCHKEY_PUBLIC_URL: origin, LATCHKEY_SERVICE_NAME: 'Acme' };
const app = await Application.open({ env, databaseKind: 'embedded' });
await app.server.listen({ hosts: ['127.0.0.1', '::1'], port });
const browser = await openChromium();
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const visits = (await reachPages(app)).filter(({ name }) => !references.has(name));
for (const view of views) {
  const context = await openContext(browser, view);
  for (const visit of visits) {
    const page = await openPage(context, origin, visit);
    const name = visit.name.replaceAll(/\W+/g, '-');
    await page.screenshot({ path: join(folder, `${name}.${view.width}.${view.scheme}.png`), fullPage: true });
    await page.close();
  }
  await context.close();
}
await browser.close();
await app.close();
