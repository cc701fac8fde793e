/** Opens a page in Chromium and reports what is wrong with it: accessibility, policy, width, address. */
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Visit } from './page-visits.ts';

/** How a reader sees the pages. */
export interface View {
  readonly width: number;
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

/** Looks at pages one after another, each with its own cookies. */
export async function lookAt(
  browser: Browser,
  origin: string,
  { width, scheme, language }: View,
): Promise<{ see: (visit: Visit) => Promise<Seen>; close: () => Promise<void> }> {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    locale: language,
    extraHTTPHeaders: { 'accept-language': language },
  });
  return { see: (visit) => see(context, origin, visit, width), close: () => context.close() };
}

async function see(context: BrowserContext, origin: string, visit: Visit, width: number): Promise<Seen> {
  await context.clearCookies();
  const cookies = visit.cookie.split('; ').filter((pair) => pair !== '');
  await context.addCookies(
    cookies.map((pair) => {
      const at = pair.indexOf('=');
      return { name: pair.slice(0, at), value: pair.slice(at + 1), url: origin };
    }),
  );
  const page = await context.newPage();
  try {
    return await examine(page, origin, visit, width);
  } finally {
    await page.close();
  }
}

async function examine(page: Page, origin: string, { path, text }: Visit, width: number): Promise<Seen> {
  const faults: string[] = [];
  const assets: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/assets/')) assets.push(pathname);
  });
  // The answer to a form has the policy of its page.
  if (text !== undefined) {
    await page.route(origin + path, async (route) => route.fulfill({ response: await route.fetch(), body: text }));
  }
  const response = await page.goto(origin + path, { waitUntil: 'load' });
  const html = text ?? (await response?.text()) ?? '';
  const shown = new URL(page.url());
  if (shown.pathname !== path.split('?')[0]) faults.push(`leads to ${shown.pathname}`);
  const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
  if (scrollWidth > width) faults.push(`is ${scrollWidth} pixels wide`);
  const fields = await page.evaluate<string[]>(
    `[...document.querySelectorAll('input:not([type=hidden]), textarea, select')].map((field) =>
      [field.name || field.id, field.type, field.getAttribute('autocomplete') ?? '-'].join(' '))`,
  );
  const policyFaults = faults.length;
  await page.evaluate(axe.source);
  const found = await page.evaluate<{ readonly violations: readonly axe.Result[] }>(
    `axe.run(document, { runOnly: ${JSON.stringify(rules)} })`,
  );
  // The policy of the page also applies to what axe tries.
  const own = faults.slice(0, policyFaults);
  const violations = found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
  return { faults: [...own, ...violations], fields, htmlBytes: Buffer.byteLength(html), assets: [...new Set(assets)] };
}
