/**
 * The start of the account pages. Owns the page `/account`; no tables.
 *
 * It shows the account that is signed in, what would make it safer, and the sections that change it. It must not change
 * anything by itself.
 */

import { hasIdentities } from '#domain/federated-identities/index.ts';
import { countRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { hasSecondFactor } from '#domain/second-factors/index.ts';
import { icon } from '#pages/icon.ts';
import { warning } from '#pages/notice.ts';
import { accountPath, connectionsPath, securityPath } from '#pages/own-path.ts';
import { accountPage, section, sectionsOf } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import type { Database } from '#platform/database/index.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Endpoint, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';

export interface ShowAccount {
  readonly database: Database;
  readonly catalogues: Catalogues;
}

/** With fewer recovery codes, the user is reminded to make new ones. */
const fewCodes = 3;

export function showAccountEndpoints(flow: ShowAccount): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'account.show',
      method: 'GET',
      path: accountPath,
      summary: 'The account that is signed in, and where to change it',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ principal, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const { say } = words;
        const { name, email, userId } = principal;
        // A user who has an identity finds it here, also after the last provider was removed.
        const shown =
          words.hides(connectionsPath) && (await hasIdentities(flow.database, userId)) ? connectionsPath : '';
        const sections = sectionsOf(words, shown);
        const body = html`${await missing(flow, words, principal)}${section({
          title: html`<bdi>${name}</bdi>`,
          ...(email !== null && { lead: html`<bdi>${email}</bdi>` }),
          body: sectionList(words, sections),
        })}`;
        const title = say('page.account.title');
        return { kind: 'html', status: 200, html: accountPage({ section: accountPath, sections, title, words, body }) };
      },
    }),
  ];
}

/** One thing at a time: a second factor matters more than its codes. */
async function missing({ database }: ShowAccount, { say }: PageWords, { userId }: Principal): Promise<Html | false> {
  if (!(await hasSecondFactor(database, userId)))
    return warning(say('page.account.no_second_factor'), { path: securityPath, label: say('page.account.secure') });
  const codes = await countRecoveryCodes(database, userId);
  if (codes === undefined || codes.unused >= fewCodes) return false;
  const text = say('page.security.codes_left', { count: codes.unused });
  return warning(text, { path: `${securityPath}/recovery-codes`, label: say('page.security.codes_new') });
}

/** On a phone the sections do not stand at the side. */
function sectionList({ say }: PageWords, sections: ReturnType<typeof sectionsOf>): Html {
  const rows = sections.map(
    ({
      path,
      icon: name,
      title,
    }) => html`<li><span class="thing">${icon(name)}</span><div><a class="title" href="${path}">${say(title)}</a></div></li>
`,
  );
  return html`<ul class="rows">${rows}</ul>`;
}
