/**
 * The development inbox, which replaces the SMTP server. Owns `/dev/inbox` and `/dev/inbox/messages`; no tables.
 *
 * Invariants: the routes exist only outside production and without an SMTP server, and respond only to loopback clients,
 * because the messages contain login links.
 */
import { z } from 'zod';
import { widePage } from '#pages/page.ts';
import { type Html, html } from '#platform/html/index.ts';
import { documentEndpoint, type Endpoint, pageEndpoint } from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';
import type { Inbox, InboxMessage } from '#platform/mail/index.ts';

const maxShown = 50;

/** The pages are in English, like the reference. */
export function devInboxEndpoints(inbox: Inbox, catalogues: Catalogues): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'dev.inbox',
      method: 'GET',
      path: '/dev/inbox',
      summary: 'Development, operator’s listener: the inbox of sent mails, newest first',
      auth: { principals: ['public'] },
      rateLimit: 'none',
      loopbackOnly: true,
      problems: [],
      request: { query: z.strictObject({ to: z.string().max(254).optional() }) },
      handler: async ({ query }) => ({
        kind: 'html',
        status: 200,
        html: inboxPage(pageWords(catalogues, 'en'), inbox.list(query.to)),
      }),
    }),
    documentEndpoint({
      id: 'dev.inbox_messages',
      method: 'GET',
      path: '/dev/inbox/messages',
      summary: 'Development, operator’s listener: the inbox as JSON; `?to=` selects one recipient',
      rateLimit: 'none',
      loopbackOnly: true,
      problems: [],
      contentType: 'application/json; charset=utf-8',
      openToCors: false,
      cacheSeconds: 0,
      handler: async (query) => ({ status: 200, body: JSON.stringify(inbox.list(query.to)) }),
    }),
  ];
}

function inboxPage(words: PageWords, messages: readonly InboxMessage[]): Html {
  const body =
    messages.length === 0
      ? html`<p>No mail yet. Sign up with any address, then reload this page.</p>`
      : html`${messages.slice(0, maxShown).map(messageSection)}`;
  return widePage({ words, title: 'Development inbox', body });
}

function messageSection(message: InboxMessage): Html {
  return html`<section>
<h2>${message.subject}</h2>
<p class="soft">To ${message.to}, <time datetime="${message.receivedAt}">${message.receivedAt}</time></p>
<pre>${message.text}</pre>
${message.links.map((link) => html`<p><a href="${link}">${link}</a></p>`)}
</section>`;
}
