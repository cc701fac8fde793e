import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Problem } from '#kernel/problem.ts';
import type { Caller, Endpoint, PageEndpoint, PageResponse } from '#platform/http/index.ts';
import { Catalogues } from '#platform/i18n/index.ts';
import { linkPage, linkToken } from './link-page.ts';

const english = {
  'page.invalid_link.title': 'No longer works',
  'page.invalid_link.why': 'Used.',
  'page.login.title': 'Sign in',
  'page.foot.language': 'Language',
  'page.sample.title': 'Title',
  'page.sample.intro': 'Intro for {who}',
  'page.sample.submit': 'Send',
  'page.sample.done_title': 'Done',
  'page.sample.done': 'It is done.',
  'page.sample.refused_title': 'Refused',
  'page.sample.refused': 'It was refused.',
  'page.sample.invalid_link': 'Start again.',
};
const german = { ...english, 'page.sample.title': 'Titel' };
const catalogues = new Catalogues(
  new Map([
    ['en', english],
    ['de', german],
  ]),
);

/** The error that `act` throws, if any. */
let failure: Error | undefined;
let acted: string[];

beforeEach(() => {
  failure = undefined;
  acted = [];
});

const [show, submit] = linkPage({
  path: '/sample',
  show: { id: 'sample.show', summary: 'Shows' },
  submit: { id: 'sample.submit', summary: 'Submits', form: z.strictObject({ token: linkToken, note: z.string() }) },
  catalogues,
  texts: 'page.sample',
  read: async (token) => (token === 'expired' ? undefined : { locale: token === 'german' ? 'de' : undefined }),
  localeOf: ({ locale }) => locale,
  form: ({ say }, complaints, typed) => ({
    paragraphs: [say('intro', { who: `${typed?.note ?? 'you'} ${complaints.note ?? ''}` })],
  }),
  act: async ({ note }) => {
    acted.push(note);
    if (failure !== undefined) throw failure;
    return { text: 'done' };
  },
  refusals: { registration_refused: 'refused' },
}) as readonly [Endpoint, Endpoint];

async function respond(endpoint: Endpoint, sent: object, acceptLanguage?: string): Promise<[number, string]> {
  const caller = { acceptLanguage } as Caller;
  const handle = (endpoint as PageEndpoint).handler as (input: object) => Promise<PageResponse>;
  const response = await handle({ query: sent, body: sent, caller });
  if (response.kind !== 'html') throw new Error('a link page redirects nowhere');
  return [response.status, response.html.toString()];
}

const press = (token = 'good') => respond(submit, { token, note: 'hi' });

describe('the page of a link', () => {
  it('shows a form that carries the token, and does not act', async () => {
    const [status, markup] = await respond(show, { token: 'good' });
    expect(status).toBe(200);
    expect(markup).toContain('<form method="post" action="/sample">');
    expect(markup).toContain('<input type="hidden" name="token" value="good">');
    expect(markup).toContain('<button type="submit">Send</button>');
    expect(acted).toEqual([]);
  });

  it.each([show, submit])('returns 400 and what to do next for an expired link ($method)', async (endpoint) => {
    const [status, markup] = await respond(endpoint, { token: 'expired', note: 'hi' });
    expect([status, acted]).toEqual([400, []]);
    expect(markup).toMatch(/No longer works[\s\S]+Used\.[\s\S]+Start again\.[\s\S]+href="\/login"/);
    expect(markup).not.toContain('<form');
  });

  it('returns the same for an address that lost its token', async () => {
    const [status, markup] = await respond(show, {});
    expect([status, acted]).toEqual([400, []]);
    expect(markup).toContain('Start again.');
  });

  it('acts on submit and shows the outcome', async () => {
    const [status, markup] = await press();
    expect([status, acted]).toEqual([200, ['hi']]);
    expect(markup).toMatch(/<h1>Done<\/h1>[\s\S]+It is done\.[\s\S]+href="\/login"/);
  });

  it.each(['invalid_token', 'invalid_ticket'] as const)(
    'returns 400 for a link that expires meanwhile (%s)',
    async (code) => {
      failure = new Problem(code);
      expect((await press())[0]).toBe(400);
    },
  );

  it('shows the form again with what was typed and the complaint of its field', async () => {
    failure = new Problem('validation_failed', {
      errors: ['One.', 'Two.'].map((message) => ({ path: '/note', code: 'invalid', message })),
    });
    const [status, markup] = await press();
    expect(status).toBe(422);
    expect(markup).toContain('Intro for hi One. Two.');
    expect(markup).toContain('name="token" value="good"');
  });

  it('explains a problem that it declares as an outcome, with the status of the problem', async () => {
    failure = new Problem('registration_refused');
    const [status, markup] = await press();
    expect(status).toBe(403);
    expect(markup).toContain('It was refused.');
  });

  it.each([new Problem('busy'), new Error('a bug')])('lets any other error through', async (error) => {
    failure = error;
    await expect(press()).rejects.toBe(error);
  });

  it('speaks the language of the link, else of the browser', async () => {
    const titleFor = async (token: string, browser?: string) =>
      /<h1>(.+)<\/h1>/.exec((await respond(show, { token }, browser))[1])?.[1];
    expect(await titleFor('german', 'en')).toBe('Titel');
    expect(await titleFor('good', 'de')).toBe('Titel');
    expect(await titleFor('good')).toBe('Title');
  });
});
