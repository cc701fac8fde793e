/** Opens a page in Chromium and reports what is wrong with it: accessibility, focus, policy, width, address. */
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Visit } from './page-visits.ts';

/** How a reader sees the pages. */
export interface View {
  readonly width: number;
  readonly height?: number;
  readonly scheme: 'light' | 'dark';
  readonly language: string;
}

export interface Seen {
  readonly faults: readonly string[];
  /** `name type autocomplete` of each field, in their order. */
  readonly fields: readonly string[];
  readonly htmlBytes: number;
  /** The paths of the files that the page loaded. */
  readonly assets: readonly string[];
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** A browser profile that shows pages in this way. */
export function openContext(
  browser: Browser,
  { width, height = 800, scheme, language }: View,
): Promise<BrowserContext> {
  return browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    locale: language,
    extraHTTPHeaders: { 'accept-language': language },
  });
}

/**
 * Opens a page with the cookies that it needs, and no others. All pages of a context have one tab, because each new one costs a
 * process.
 */
export async function openPage(
  context: BrowserContext,
  origin: string,
  { path, cookie, text }: Visit,
  watch: (page: Page) => void = () => undefined,
): Promise<Page> {
  await context.clearCookies();
  const pairs = cookie.split('; ').filter((pair) => pair !== '');
  await context.addCookies(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return { name: pair.slice(0, at), value: pair.slice(at + 1), url: origin };
    }),
  );
  const [page = await context.newPage()] = context.pages();
  await page.unrouteAll();
  page.removeAllListeners();
  watch(page);
  // The answer to a form has the policy of its page.
  if (text !== undefined) {
    await page.route(origin + path, async (route) => route.fulfill({ response: await route.fetch(), body: text }));
    // A page that leads on to an application stays to be looked at.
    await page.route(
      (url) => url.origin !== origin,
      (route) => route.abort('aborted'),
    );
  }
  await page.goto(origin + path, { waitUntil: 'load' });
  return page;
}

/** Opens a page, and looks for faults. */
export async function lookAt(context: BrowserContext, origin: string, visit: Visit): Promise<Seen> {
  const [faults, assets]: [string[], string[]] = [[], []];
  const page = await openPage(context, origin, visit, (opened) => {
    opened.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) faults.push(message.text());
    });
    opened.on('pageerror', (error) => faults.push(error.message));
    opened.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.startsWith('/assets/')) assets.push(pathname);
    });
  });
  const { pathname } = new URL(page.url());
  if (pathname !== visit.path.split('?')[0]) faults.push(`leads to ${pathname}`);
  // Before axe runs: its own acts are no fault of the page.
  const own = [...faults, ...(await tooWide(page)), ...(await focusFaults(page))];
  const htmlBytes = Buffer.byteLength(visit.text ?? (await sourceOf(context, page)));
  return {
    faults: [...own, ...(await violations(page))],
    fields: await fieldsOf(page),
    htmlBytes,
    assets: [...new Set(assets)],
  };
}

/** The HTML as it was sent. */
async function sourceOf(context: BrowserContext, page: Page): Promise<string> {
  return (await context.request.get(page.url())).text();
}

async function tooWide(page: Page): Promise<string[]> {
  const [shown, whole] = await page.evaluate<[number, number]>('[innerWidth, document.documentElement.scrollWidth]');
  return whole > shown ? [`is ${whole} pixels wide`] : [];
}

/** Notes each element that gets the focus, and returns the names of those that Tab must reach, in their order. */
const watchFocus = `(() => {
  const nameOf = (it, index) => [index, it.tagName.toLowerCase(), it.id || it.getAttribute('href') || it.textContent.trim()].join(' ');
  const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')];
  const reachable = all.filter((it) => it.checkVisibility() && !it.disabled);
  globalThis.focusLog = [];
  addEventListener('focusin', ({ target }) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(target);
    const isMarked = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
    const index = reachable.indexOf(target);
    if (index >= 0) focusLog.push({ name: nameOf(target, index), isMarked });
  });
  return reachable.map(nameOf);
})()`;

/** Presses Tab once around the page: it reaches every element, from the top to the bottom, marks it, and is caught nowhere. */
async function focusFaults(page: Page): Promise<string[]> {
  const reachable = await page.evaluate<readonly string[]>(watchFocus);
  // One further step lies between the last element and the first.
  await Promise.all(Array.from({ length: reachable.length + 1 }, () => page.keyboard.down('Tab')));
  await page.keyboard.up('Tab');
  type Noted = readonly { readonly name: string; readonly isMarked: boolean }[];
  const noted = await page.evaluate<Noted>('focusLog');
  const unmarked = noted.filter(({ isMarked }) => !isMarked).map(({ name }) => `no mark of the focus: ${name}`);
  const start = Math.max(0, reachable.indexOf(noted[0]?.name ?? ''));
  const wanted = [...reachable.slice(start), ...reachable.slice(0, start)];
  const reached = noted.slice(0, wanted.length).map(({ name }) => name);
  const isInOrder = reached.join('|') === wanted.join('|');
  return [...unmarked, ...(isInOrder ? [] : [`Tab reaches ${reached.join(', ')} instead of ${wanted.join(', ')}`])];
}

function fieldsOf(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(
    `[...document.querySelectorAll('input:not([type=hidden]), textarea, select')].map((field) =>
      [field.name || field.id, field.type, field.getAttribute('autocomplete') ?? '-'].join(' '))`,
  );
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate<{ readonly violations: readonly axe.Result[] }>(
    `axe.run(document, { runOnly: ${JSON.stringify(rules)} })`,
  );
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}
