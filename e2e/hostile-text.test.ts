/** Markup, directions, emoji and very long texts wherever a page shows what others wrote: no script runs, nothing leaves its place. */
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '../packages/server/test/support/application.ts';
import { PageBrowser, signIn } from '../packages/server/test/support/page-browser.ts';
import {
  addVerifiedUser,
  mailedToken,
  register,
  uniqueEmail,
  validPassword,
} from '../packages/server/test/support/user-actions.ts';
import { openChromium } from './support/chromium.ts';
import { findFreePort } from './support/free-port.ts';
import { openContext, openPage } from './support/look-at-page.ts';

const serviceName = '"><img src=x onerror=hacked()>{name}';
const texts: readonly string[] = [
  '</p><script>hacked()</script>',
  '"><img src=x onerror=hacked()>',
  "' onfocus=hacked() autofocus='",
  'javascript:hacked()',
  '{service} {at, date, moment} %{hacked()}',
  'محمد الخوارزمي',
  '👩‍🚀'.repeat(60),
  'a'.repeat(180),
];

let app: Application;
let browser: Browser;
let origin: string;

beforeAll(async () => {
  const port = await findFreePort();
  origin = `http://localhost:${port}`;
  const env = { LATCHKEY_PUBLIC_URL: origin, LATCHKEY_SERVICE_NAME: serviceName };
  app = await Application.open({ env });
  await app.server.listen({ hosts: ['127.0.0.1', '::1'], port });
  browser = await openChromium();
  return async () => {
    await browser.close();
    await app.close();
  };
}, 60_000);

/** Opens a page in a phone, and lists what went wrong on it. */
async function faultsOn(path: string, cookie = '', language = 'en'): Promise<string[]> {
  const context = await openContext(browser, { width: 320, scheme: 'light', language });
  await context.addInitScript('window.hacked = () => { document.documentElement.dataset.hacked = "yes"; }');
  const faults: string[] = [];
  const page = await openPage(context, origin, { name: 'hostile', path, cookie }, (opened) => {
    opened.on('dialog', (dialog) => faults.push(`a dialog: ${dialog.message()}`));
    opened.on('console', (message) => {
      if (/Content Security Policy|Trusted/i.test(message.text())) faults.push(message.text());
    });
  });
  const found = await page.evaluate<Record<string, unknown>>(`({
    hacked: document.documentElement.dataset.hacked,
    images: document.querySelectorAll('img').length,
    inline: document.querySelectorAll('script:not([src]), [onerror], [onfocus], [onload], a[href^="javascript:"]').length,
    width: document.documentElement.scrollWidth,
    name: document.querySelector('.brand').textContent,
  })`);
  await context.close();
  expect(found).toEqual({ images: 0, inline: 0, width: 320, name: serviceName });
  return faults;
}

describe.each(texts)('%s', (text) => {
  it('as a name, in what its owner and the reader of a mailed link see', async () => {
    const name = Array.from(text).slice(0, 200).join('');
    const email = uniqueEmail();
    expect((await register(app, email, { name })).status).toBe(201);
    expect(await faultsOn(`/verify-email?token=${await mailedToken(app, email)}`)).toEqual([]);
    const visitor = new PageBrowser(app);
    await visitor.follow(await signIn(visitor, await addVerifiedUser(app, { name }), validPassword));
    for (const path of ['/account', '/account/security', '/logout'] as const) {
      expect(await faultsOn(path, visitor.cookie)).toEqual([]);
    }
  });

  it('as an address to continue to, as a token and as a language', async () => {
    const written = encodeURIComponent(text);
    for (const path of [
      `/login?continue=${written}`,
      `/verify-email?token=${written}`,
      `/login?ui_locales=${written}`,
    ]) {
      expect(await faultsOn(path)).toEqual([]);
    }
  });
});

it('10 kB in a name is refused, and in an address or a browser named so is harmless', async () => {
  const long = '<b>'.repeat(3_400);
  expect((await register(app, uniqueEmail(), { name: long })).status).toBe(422);
  const visitor = new PageBrowser(app, { 'user-agent': `${long.slice(0, 8_000)}<script>hacked()</script>` });
  await visitor.follow(await signIn(visitor, await addVerifiedUser(app), validPassword));
  expect(await faultsOn('/account', visitor.cookie)).toEqual([]);
  expect((await app.send('GET', `/login?continue=${long.slice(0, 600)}`)).status).toBe(400);
});
