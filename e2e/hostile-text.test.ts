/**
 * Markup, directions, emoji and very long texts in every field and parameter of every page, and in what pages show of people: no
 * script runs, nothing leaves its place. The pages and their parameters are those of the list of endpoints.
 */
import type { Browser, BrowserContext } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { Application, type RequestOptions } from '../packages/server/test/support/application.ts';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { PageBrowser } from '../packages/server/test/support/page-browser.ts';
import { register, uniqueEmail } from '../packages/server/test/support/user-actions.ts';
import { openChromium } from './support/chromium.ts';
import { findFreePort } from './support/free-port.ts';
import { openContext, openPage } from './support/look-at-page.ts';
import { reachPages, type Visit } from './support/page-visits.ts';

const serviceName = '"><img src=x onerror=hacked()>{name}';
const markup = `</p></option></title></script><script>hacked()</script>"><img src=x onerror=hacked()>' onfocus=hacked() autofocus='`;
const template = '{service} {at, date, moment} %{hacked()} $&';
const [directions, emoji] = ['محمد الخوارزمي', '👩‍🚀'.repeat(12)];
/** A name that is accepted, as long as it may be. */
const hostileName = `${markup} ${directions} ${emoji}`.slice(0, 200).trimEnd();
const hostileBrowser = `${markup} ${template} ${'<b>'.repeat(2_500)}`;
/** Refused by most fields, which show it again with the reason. */
const hostileValue = `javascript:hacked() ${markup} ${template} \u202e${directions}\u2066 ${emoji}`;
const longValue = '<b>'.repeat(3_400);

/** References for developers, without forms or people. */
const references: ReadonlySet<string> = new Set(['docs.reference', 'docs.problems']);

let app: Application;
let browser: Browser;
let context: BrowserContext;
let origin: string;
let visits: readonly Visit[];

beforeAll(async () => {
  const port = await findFreePort();
  origin = `http://localhost:${port}`;
  const env = { ...loginMethodsEnabled, LATCHKEY_PUBLIC_URL: origin, LATCHKEY_SERVICE_NAME: serviceName };
  app = await Application.open({ env });
  await app.server.listen({ hosts: ['127.0.0.1', '::1'], port });
  [browser, visits] = await Promise.all([openChromium(), reachPages(disguised(app))]);
  visits = visits.filter(({ name }) => !references.has(name));
  context = await openContext(browser, { width: 320, scheme: 'light', language: 'en' });
  await context.addInitScript('window.hacked = () => { document.documentElement.dataset.hacked = "yes"; }');
  return async () => {
    await browser.close();
    await app.close();
  };
}, 60_000);

/** The application, for people with a hostile name and a hostile browser. */
function disguised(real: Application): Application {
  const send = <T>(method: string, path: string, sent: RequestOptions = {}) => {
    const headers = { 'user-agent': hostileBrowser, ...sent.headers };
    const named = path === '/api/v1/auth/register' && { json: { ...(sent.json as object), name: hostileName } };
    return real.send<T>(method, path, { ...sent, headers, ...named });
  };
  return Object.assign(Object.create(real) as Application, { send });
}

/** Counts the markup that only others write, and reads the name of the service. */
const shape = `((root) => ({
  images: root.querySelectorAll('img').length,
  inline: root.querySelectorAll('script:not([src]), [onerror], [onfocus], [onload], a[href^="javascript:"]').length,
  name: root.querySelector('.brand')?.textContent.trim() ?? null,
}))`;

interface Shape {
  readonly images: number;
  readonly inline: number;
  /** Null on pages without a brand. */
  readonly name: string | null;
}

const isIntact = ({ images, inline, name }: Shape) => images + inline === 0 && [serviceName, null].includes(name);

/** Opens a page on a small phone, and lists what went wrong on it. */
async function faultsOn(visit: Visit): Promise<string[]> {
  const faults: string[] = [];
  const page = await openPage(context, origin, visit, (opened) => {
    opened.on('dialog', (dialog) => faults.push(`a dialog: ${dialog.message()}`));
    opened.on('console', (message) => {
      if (/Content Security Policy|Trusted/i.test(message.text())) faults.push(message.text());
    });
  });
  const found = await page.evaluate<Shape & { readonly hacked?: string; readonly width: number }>(
    `({ ...${shape}(document), hacked: document.documentElement.dataset.hacked, width: document.documentElement.scrollWidth })`,
  );
  const isRight = isIntact(found) && found.hacked === undefined && found.width === 320;
  return isRight ? faults : [...faults, JSON.stringify(found)];
}

it('in the name and the browser of the person, and the name of the service, on every page', async () => {
  const all: Record<string, readonly string[]> = {};
  for (const visit of visits) {
    const faults = await faultsOn(visit);
    if (faults.length > 0) all[visit.name] = faults;
  }
  expect(all).toEqual({});
}, 300_000);

/** The HTML of an answer to a hostile text. */
interface Answer {
  readonly what: string;
  readonly status: number;
  readonly text: string;
}

/** Those whose markup, as a browser parses it, is not ours alone. A blank page parses them, since ours may parse no text. */
async function brokenOf(answers: readonly Answer[]): Promise<readonly string[]> {
  const page = await context.newPage();
  const texts = JSON.stringify(answers.map(({ text }) => text));
  const parsed = await page.evaluate<readonly Shape[]>(
    `${texts}.map((text) => ${shape}(new DOMParser().parseFromString(text, 'text/html')))`,
  );
  await page.close();
  const isBroken = ({ status }: Answer, index: number) => status >= 500 || !isIntact(parsed[index] as Shape);
  return answers.filter(isBroken).map(({ what, status }) => `${what}: ${status}`);
}

interface FormFields {
  readonly action: string;
  readonly shown: readonly string[];
  readonly hidden: readonly string[];
}

/** The forms of a page, one for each action. */
function formsOf(text: string): readonly FormFields[] {
  const forms = [...text.matchAll(/<form method="post" action="([^"]*)"[^>]*>(.*?)<\/form>/gs)];
  const found = forms.map(([, action = '', content = '']) => {
    const fields = [...content.matchAll(/<(?:input|select|textarea)\b([^>]*)>/g)].map(([, head = '']) => head);
    const namesOf = (heads: readonly string[]) => heads.flatMap((head) => / name="([^"]*)"/.exec(head)?.[1] ?? []);
    const isHidden = (head: string) => head.includes('type="hidden"');
    const hidden = namesOf(fields.filter(isHidden)).filter((name) => name !== 'formToken');
    return { action, shown: namesOf(fields.filter((head) => !isHidden(head))), hidden };
  });
  return [...new Map(found.map((form) => [form.action, form])).values()];
}

/** All shown fields together, and each hidden field alone, since it would be refused before the others are read. */
function fillings({ shown, hidden }: FormFields): readonly Readonly<Record<string, string>>[] {
  const fill = (names: readonly string[], value: string) => Object.fromEntries(names.map((name) => [name, value]));
  const together = shown.length === 0 ? [] : [fill(shown, hostileValue), fill(shown, longValue)];
  return [...together, ...hidden.map((name) => fill([name], hostileValue))];
}

/** The browser that is shown a page. */
function browserOf({ cookie }: Visit): PageBrowser {
  const browser = new PageBrowser(app);
  for (const pair of cookie.split('; ').filter((text) => text !== '')) {
    const at = pair.indexOf('=');
    browser.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return browser;
}

it('in every field of every form, together and each hidden one alone', async () => {
  const answers: Answer[] = [];
  const fields = new Set<string>();
  for (const visit of visits) {
    const shown = visit.text ?? (await browserOf(visit).open(visit.path)).text;
    for (const form of formsOf(shown)) {
      for (const filling of fillings(form)) {
        const browser = browserOf(visit);
        const page = visit.text ?? (await browser.open(visit.path)).text;
        const { status, text } = await browser.submitFrom(page, form.action, filling);
        answers.push({ what: `${visit.name}, ${form.action}: ${Object.keys(filling).join()}`, status, text });
        for (const name of Object.keys(filling)) fields.add(name);
      }
    }
  }
  expect(await brokenOf(answers)).toEqual([]);
  const typed = ['email', 'password', 'name', 'code', 'recoveryCode', 'newEmail', 'typed', 'locale', 'credential'];
  expect([...fields]).toEqual(expect.arrayContaining([...typed, 'token', 'login', 'act', 'id']));
}, 120_000);

/** The parameters of every page’s address, and those that every page may get. */
function parametersOf(endpoint: Application['endpoints'][number]): readonly string[] {
  const query = endpoint.kind === 'page' ? (endpoint.request.query as { readonly shape?: object } | undefined) : {};
  return [...new Set([...Object.keys(query?.shape ?? {}), 'ui_locales', 'continue', markup])];
}

it('in every parameter of every page’s address', async () => {
  const answers: Answer[] = [];
  const pages = app.endpoints.filter(({ kind, method }) => kind === 'page' && method === 'GET');
  for (const endpoint of pages) {
    const { cookie = '' } = visits.find(({ name }) => name === endpoint.id) ?? {};
    for (const parameter of parametersOf(endpoint)) {
      for (const value of [hostileValue, longValue.slice(0, 600)]) {
        const path = `${endpoint.path}?${new URLSearchParams({ [parameter]: value }).toString()}`;
        const { status, text } = await app.send('GET', path, { cookie });
        answers.push({ what: `${endpoint.id}: ${parameter.slice(0, 10)}`, status, text });
      }
    }
  }
  expect(await brokenOf(answers)).toEqual([]);
}, 120_000);

it('10 kB in a name is refused by the API', async () => {
  expect((await register(app, uniqueEmail(), { name: longValue })).status).toBe(422);
});
