/** The pages of `/account/connections`. The form that connects is sent to the flow that leaves for the provider. */
import { z } from 'zod';
import type { IdentityProvider } from '#domain/identity-providers/index.ts';
import { accountForm } from '#pages/account-form.ts';
import { actForm, actLink, doneNote, type Thing, things } from '#pages/account-parts.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { connectionsPath } from '#pages/own-path.ts';
import { accountPage, section } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { listOwn, type ManageIdentities, type OwnIdentity, unlinkOwn } from './manage-identities.ts';

/** Dependencies of the pages. */
export type IdentityPages = ManageIdentities & { readonly catalogues: Catalogues };

const done = z.enum(['connected', 'disconnected']);
const disconnectPath = `${connectionsPath}/disconnect` as const;
const connectPath = `${connectionsPath}/connect` as const;

export function identityPages(flow: IdentityPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'identities.show',
      method: 'GET',
      path: connectionsPath,
      summary: 'The accounts at identity providers that sign in to this account',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      request: { query: z.strictObject({ done: done.optional() }) },
      problems: [],
      handler: ({ query, principal, caller }) => listPage(flow, principal, caller, query.done),
    }),
    ...disconnectPage(flow),
  ];
}

async function listPage(
  flow: IdentityPages,
  principal: Principal,
  caller: Caller,
  what: z.output<typeof done> | undefined,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const own = await listOwn(flow, principal);
  // All of them: a person may have two accounts at one provider.
  const others = flow.identityProviders.enabled();
  const body = html`${doneNote(words, 'connections', what)}${section({
    title: say('page.connections.own'),
    ...(own.length === 0 && { lead: say('page.connections.none') }),
    body: things(own.map((identity) => ownThing(words, identity))),
  })}${
    others.length > 0 &&
    section({
      title: say('page.connections.others'),
      body: things(others.map((provider) => otherThing(words, provider))),
    })
  }`;
  const [title, lead] = [say('page.connections.title'), say('page.connections.lead')];
  return { kind: 'html', status: 200, html: accountPage({ section: connectionsPath, title, lead, words, body }) };
}

function ownThing({ say }: PageWords, identity: OwnIdentity): Thing {
  const { id, profile, suspendedAt, createdAt } = identity;
  const person = profile.email ?? profile.name;
  const title = identity.providerName;
  return {
    icon: 'link',
    title,
    tags: suspendedAt === null ? [] : [[say('page.connections.suspended'), 'wrong'] as const],
    lines: [...(person === null ? [] : [person]), say('page.connections.since', { at: createdAt })],
    actions: [actLink(`${disconnectPath}?id=${id}`, { label: say('page.connections.disconnect'), about: title })],
  };
}

function otherThing({ say }: PageWords, { id, name }: IdentityProvider): Thing {
  const fields = { provider: id };
  return {
    icon: 'link',
    title: name,
    lines: [],
    actions: [actForm(connectPath, { label: say('page.connections.connect'), about: name, fields })],
  };
}

function disconnectPage(flow: IdentityPages): readonly Endpoint[] {
  return accountForm({
    section: connectionsPath,
    catalogues: flow.catalogues,
    about: { id: z.string().max(100) },
    stepUp: { withinSeconds: flow.stepUpSeconds },
    path: disconnectPath,
    show: { id: 'identities.show_disconnect', summary: 'Page that asks whether to disconnect an identity' },
    submit: {
      id: 'identities.submit_disconnect',
      summary: 'Its form: disconnects the identity',
      fields: {},
      rateLimit: 'pages',
    },
    content: async ({ words: { say }, principal, about }) => {
      const identity = (await listOwn(flow, principal)).find(({ id }) => id === about.id);
      if (identity === undefined) return undefined;
      return {
        title: say('page.disconnect.title'),
        lead: say('page.disconnect.question', { provider: identity.providerName }),
        submit: say('page.connections.disconnect'),
        kind: 'danger',
      };
    },
    act: async ({ id }, principal, caller) => {
      const issued = await unlinkOwn(flow, id.toLowerCase(), principal, caller);
      return { done: 'disconnected', cookies: sessionCookies(issued) };
    },
    leads: ['identity_not_found'],
    refusals: { last_login_method: { text: 'page.disconnect.last' } },
  });
}
