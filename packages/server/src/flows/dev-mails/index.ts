/**
 * An example of each mail, in each language and color scheme. Owns `/dev/mails` and `/dev/mails/preview`; no tables.
 *
 * Invariants: the routes exist only outside production, and show made-up facts only.
 */
import { z } from 'zod';
import {
  composeMail,
  isMailTemplate,
  type MailTemplate,
  mailExamples,
  mailTemplates,
} from '#domain/mail-ledger/index.ts';
import { framedMail } from '#pages/framed-mail.ts';
import { widePage } from '#pages/page.ts';
import { type Html, html } from '#platform/html/index.ts';
import { documentEndpoint, type Endpoint, pageEndpoint } from '#platform/http/index.ts';
import { type Catalogues, pageWords } from '#platform/i18n/index.ts';
import { type MailTheme, renderBody } from '#platform/mail/index.ts';

export interface DevMails {
  readonly catalogues: Catalogues;
  /** The look of the mails of this deployment. */
  readonly theme: MailTheme;
}

const path = '/dev/mails';

/** `system` is the mail as it is sent: its reader's program chooses. */
const schemes = ['system', 'light', 'dark'] as const;

const development = { rateLimit: 'none', loopbackOnly: true, problems: [] } as const;

interface Choice {
  readonly template: MailTemplate;
  readonly locale: string;
  readonly scheme: (typeof schemes)[number];
}

export function devMailsEndpoints(flow: DevMails): readonly Endpoint[] {
  const text = z.string().max(100).optional();
  return [
    pageEndpoint({
      ...development,
      method: 'GET',
      id: 'dev.mails',
      path,
      summary: 'Development, operator’s listener: an example of each mail',
      auth: { principals: ['public'] },
      framesMail: true,
      request: { query: z.strictObject({ template: text, locale: text, scheme: text }) },
      handler: async ({ query }) => ({ kind: 'html', status: 200, html: mailsPage(flow, choiceOf(flow, query)) }),
    }),
    documentEndpoint({
      ...development,
      method: 'GET',
      id: 'dev.mail_preview',
      path: `${path}/preview`,
      summary: 'Development, operator’s listener: the HTML of one example',
      contentType: 'text/html; charset=utf-8',
      openToCors: false,
      cacheSeconds: 0,
      isMail: true,
      handler: (query) => ({ status: 200, body: renderExample(flow, choiceOf(flow, query)).html }),
    }),
  ];
}

/** A name that is not known is the first of its kind: an address that was typed is no reason for an error page. */
function choiceOf({ catalogues }: DevMails, query: Readonly<Record<string, string | undefined>>): Choice {
  const { template = '', locale = '', scheme } = query;
  return {
    template: isMailTemplate(template) ? template : 'verify_email',
    locale: catalogues.match(locale),
    scheme: schemes.find((known) => known === scheme) ?? 'system',
  };
}

function renderExample({ catalogues, theme }: DevMails, { template, locale, scheme }: Choice) {
  const body = composeMail(template, { ...mailExamples(catalogues, template), locale });
  const colors = scheme === 'dark' ? (theme.dark ?? theme.colors) : theme.colors;
  return { subject: body.subject, ...renderBody(body, scheme === 'system' ? theme : { colors, radius: theme.radius }) };
}

function mailsPage(flow: DevMails, choice: Choice): Html {
  const { catalogues } = flow;
  const { template, locale, scheme } = choice;
  const { subject, text } = renderExample(flow, choice);
  const templates = Object.keys(mailTemplates).filter(isMailTemplate);
  const body = html`${choices('Mail', templates, template, (name) => ({ ...choice, template: name }))}
${choices('Language', catalogues.locales, locale, (name) => ({ ...choice, locale: name }))}
${choices('Colors', schemes, scheme, (name) => ({ ...choice, scheme: name }))}
<h2 lang="${locale}">${subject}</h2>
${framedMail(`${path}/preview?${queryOf(choice)}`, subject)}
<h3>Text</h3>
<pre lang="${locale}">${text}</pre>`;
  return widePage({ words: pageWords(catalogues, 'en'), title: 'Mails', body });
}

function choices<T extends string>(
  label: string,
  names: readonly T[],
  chosen: string,
  change: (name: T) => Choice,
): Html {
  const links = names.map(
    (
      name,
    ) => html`<a href="${path}?${queryOf(change(name))}"${name === chosen && html` aria-current="true"`}>${name}</a>
`,
  );
  return html`<nav class="row" aria-label="${label}"><strong>${label}</strong> ${links}</nav>`;
}

function queryOf({ template, locale, scheme }: Choice): string {
  return new URLSearchParams({ template, locale, scheme }).toString();
}
