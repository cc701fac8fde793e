/** Every page in Chromium: accessible, led through by the keyboard, within its policy, as wide as a small phone, light in weight, and filled in by browsers. */
import { readFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrand } from '../packages/server/src/app/brand.ts';
import { Application } from '../packages/server/test/support/application.ts';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { cataloguesWithRightToLeft } from '../packages/server/test/support/right-to-left.ts';
import { stopSharedProvider } from '../packages/server/test/support/shared-provider.ts';
import { tableLines } from '../tools/proofs/support/table.ts';
import { openChromium } from './support/chromium.ts';
import { findFreePort } from './support/free-port.ts';
import { lookAt, openContext, type Seen, type View } from './support/look-at-page.ts';
import { rareStates } from './support/page-states.ts';
import { reachPages, type Visit } from './support/page-visits.ts';

/** Set by `npm run prove accessibility`, which looks at every state of the pages, in every color and width. */
const languages = process.env.PAGE_LANGUAGES?.split(',') ?? [];
const isProof = languages.length > 0;
const everyView = languages.flatMap((language) =>
  (['light', 'dark'] as const).flatMap((scheme) => [320, 1440].map((width) => ({ language, scheme, width }))),
);
const views: readonly View[] = isProof ? everyView : [{ language: 'en', scheme: 'light', width: 320 }];

/** References for developers, which are as long as the API. */
const references: ReadonlySet<string> = new Set(['docs.reference', 'docs.problems']);

let app: Application;
let browser: Browser;
let origin: string;
let visits: readonly Visit[];
const seen = new Map<string, Seen>();

beforeAll(async () => {
  const port = await findFreePort();
  origin = `http://localhost:${port}`;
  const env = { ...loginMethodsEnabled, LATCHKEY_PUBLIC_URL: origin, LATCHKEY_SERVICE_NAME: 'Acme' };
  const theme = { accent: '#0f766e', radius: 10, scheme: 'auto' } as const;
  const none = { logo: undefined, logoDark: undefined, links: [], texts: undefined };
  const { catalogues, assets } = openBrand({ brand: { name: 'Acme', theme, ...none } });
  app = await Application.open({ env, brand: { catalogues: cataloguesWithRightToLeft(catalogues.brand), assets } });
  await app.server.listen({ hosts: ['127.0.0.1', '::1'], port });
  browser = await openChromium();
}, 120_000);

afterAll(async () => {
  await browser.close();
  await stopSharedProvider(app);
  await app.close();
});

describe.each(views)('in $language, $scheme, $width pixels wide', (view) => {
  it('has no fault on any page', async () => {
    // Anew for each view: tickets last ten minutes.
    visits = await reachPages(app, isProof);
    const context = await openContext(browser, view);
    const faults: Record<string, readonly string[]> = {};
    for (const visit of visits) {
      const what = await lookAt(context, origin, visit);
      seen.set(visit.name, what);
      if (what.faults.length > 0) faults[visit.name] = what.faults;
    }
    await context.close();
    expect(faults).toEqual({});
  }, 600_000);
});

it('tells browsers and password managers what each field is for', () => {
  const usual = visits.filter(({ name }) => !Object.hasOwn(rareStates, name));
  const lines = usual.flatMap(({ name }) => (seen.get(name)?.fields ?? []).map((field) => `${name}: ${field}`));
  const committed = new URL('./support/autocomplete.txt', import.meta.url);
  expect(lines.sort((a, b) => (a < b ? -1 : 1)).join('\n')).toBe(readFileSync(committed, 'utf8').trimEnd());
});

it('weighs at most 15 kB of HTML, and 40 kB with its files', async () => {
  const sizes = new Map<string, number>();
  const sizeOf = async (path: string): Promise<number> => {
    const body = Buffer.from(await (await fetch(origin + path)).arrayBuffer());
    return path.endsWith('.svg') ? body.length : brotliCompressSync(body).length;
  };
  const rows: { readonly page: string; readonly html: number; readonly all: number }[] = [];
  for (const [page, { htmlBytes, assets }] of seen) {
    for (const path of assets) if (!sizes.has(path)) sizes.set(path, await sizeOf(path));
    const files = assets.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
    rows.push({ page, html: htmlBytes, all: htmlBytes + files });
  }
  const files = tableLines(['file', 'bytes as sent'], [...sizes]);
  const pages = rows.sort((a, b) => b.all - a.all).map(({ page, html, all }) => [page, html, all]);
  const lines = [...files, '', ...tableLines(['page', 'HTML', 'with its files'], pages)];
  process.stdout.write(`${lines.join('\n')}\n`);
  const heavy = rows.filter(({ page, html, all }) => !references.has(page) && (html > 15_000 || all > 40_000));
  expect(heavy).toEqual([]);
});
