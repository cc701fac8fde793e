/** The script of every page, in a browser, on a small page that has all that it looks for. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { openChromium } from './support/chromium.ts';

/** The clipboard needs a secure context, which localhost is. */
const secureOrigin = 'http://localhost:59999';
const plainOrigin = 'http://pages.example';
const script = readFileSync(new URL('../packages/server/src/pages/enhance.js', import.meta.url), 'utf8');

const markup = `<!doctype html><html lang="en"><title>Test</title>
<form method="post" action="/"><input id="password" type="password" value="secret">
<button type="button" data-show="password" aria-pressed="false" hidden>Show</button>
<button id="send">Send</button></form>
<form method="post" action="/code"><input id="code" name="code" class="digits"><p id="code-hint" data-script hidden>Sent as soon as complete.</p></form>
<form method="post" action="/plain"><input id="plain" name="code" class="digits"></form>
<form><input id="new" type="password"><ul id="new-rules"><li data-keeps="^.{3,9}$"><svg viewBox="0 0 24 24"><path d="M1 1"/></svg>Three characters</li>
<li>Not common</li></ul></form>
<form method="post" action="/again"><p role="status">Again in 30 seconds.</p><button data-wait="30" aria-disabled="true">Send again</button></form>
<output id="key">ABCD EFGH</output><button type="button" data-copy="key" data-said="Copied." hidden>Copy</button><p data-live role="status"></p>
<button type="button" data-ask="question">Ask</button><dialog id="question"><p>Sure?</p></dialog>
<script type="module" src="/enhance.js"></script></html>`;

let browser: Browser;
beforeAll(async () => {
  browser = await openChromium();
  return () => browser.close();
});

/** The page, and the forms that it sent. Their answer has no content, so that the browser stays on the page. */
async function open(origin = secureOrigin): Promise<{ readonly page: Page; readonly sent: string[] }> {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  const sent: string[] = [];
  await page.route('**/*', async (route) => {
    const request = route.request();
    if (request.method() === 'POST') {
      sent.push(new URL(request.url()).pathname + (request.postData() ?? ''));
      await route.fulfill({ status: 204 });
    } else if (request.url().endsWith('.js')) await route.fulfill({ contentType: 'text/javascript', body: script });
    else await route.fulfill({ contentType: 'text/html', body: markup });
  });
  await page.clock.install();
  await page.goto(`${origin}/`);
  return { page, sent };
}

it('shows what only a script can do, and the password while its button is pressed', async () => {
  const { page } = await open();
  const show = page.getByRole('button', { name: 'Show' });
  expect(await page.getByText('Sent as soon as complete.').isVisible()).toBe(true);
  await show.click();
  expect([await page.locator('#password').getAttribute('type'), await show.getAttribute('aria-pressed')]).toEqual([
    'text',
    'true',
  ]);
  await show.click();
  expect(await page.locator('#password').getAttribute('type')).toBe('password');
});

it('sends a form once, however often its button is pressed, and again after the page was left and shown', async () => {
  const { page, sent } = await open();
  const send = page.locator('#send');
  await page.evaluate('for (let count = 0; count < 20; count += 1) document.getElementById("send").click()');
  expect(await send.getAttribute('aria-disabled')).toBe('true');
  await page.evaluate('dispatchEvent(new PageTransitionEvent("pageshow"))');
  expect(await send.getAttribute('aria-disabled')).toBeNull();
  await send.click();
  await expect.poll(() => sent.filter((path) => path === '/').length).toBe(2);
});

it('sends six digits by itself, once, where the page says so', async () => {
  const { page, sent } = await open();
  await page.locator('#plain').fill('123456');
  await page.locator('#code').pressSequentially('12 34 5');
  expect(await page.locator('#code').inputValue()).toBe('12345');
  expect(sent).toEqual([]);
  await page.locator('#code').pressSequentially('6');
  await expect.poll(() => sent).toEqual(['/codecode=123456']);
});

it('keeps a button off until its wait is over, and says so every ten seconds', async () => {
  const { page, sent } = await open();
  const again = page.getByRole('button', { name: 'Send again' });
  await page.evaluate('document.querySelector("[data-wait]").click()');
  await page.clock.runFor(10_500);
  expect(await page.getByText('Again in').innerText()).toBe('Again in 20 seconds.');
  await page.clock.runFor(4_000);
  expect(await page.getByText('Again in').innerText()).toBe('Again in 20 seconds.');
  expect(sent).toEqual([]);
  await page.clock.runFor(16_000);
  expect(await again.getAttribute('aria-disabled')).toBeNull();
  await again.click();
  await expect.poll(() => sent).toEqual(['/again']);
});

it('copies a text without its spaces, and says so', async () => {
  const { page } = await open();
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied.').waitFor();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('ABCDEFGH');
});

it('opens the dialog that a button asks with', async () => {
  const { page } = await open();
  await page.getByRole('button', { name: 'Ask' }).click();
  expect(await page.getByRole('dialog').isVisible()).toBe(true);
});

it('selects the text where it may not copy it', async () => {
  const { page } = await open(plainOrigin);
  await page.getByRole('button', { name: 'Copy' }).click();
  expect(await page.evaluate('getSelection().toString()')).toBe('ABCD EFGH');
});

it('ticks the rules that a new password keeps, and takes the tick back', async () => {
  const { page } = await open();
  const rules = page.locator('#new-rules li');
  const looks = () =>
    rules.evaluateAll((all) => all.map((rule) => [rule.className, rule.querySelector('path')?.getAttribute('d')]));
  await page.locator('#new').fill('ab');
  expect(await looks()).toEqual([
    ['', 'M1 1'],
    ['', undefined],
  ]);
  await page.locator('#new').fill('abc');
  expect(await looks()).toEqual([
    ['met', 'm5 12.75 4.5 4.5L19.25 7'],
    ['', undefined],
  ]);
  await page.locator('#new').fill('');
  expect((await looks())[0]).toEqual(['', 'M1 1']);
});
