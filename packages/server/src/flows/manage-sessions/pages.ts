/** The pages of `/account/sessions`. */
import { z } from 'zod';
import { accountForm } from '#pages/account-form.ts';
import { actForm, ago, doneNote, shownDevice, type Thing, things } from '#pages/account-parts.ts';
import { hiddenField } from '#pages/form.ts';
import { sessionsPath } from '#pages/own-path.ts';
import { accountPage, section } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { deviceSection, forgetDevicePage } from './device-pages.ts';
import { listDevices } from './manage-devices.ts';
import { endOne, endOthers, listOwn, type ManageSessions } from './manage-sessions.ts';

/** Dependencies of the pages. */
export type SessionPages = ManageSessions & { readonly catalogues: Catalogues };

type Listed = Awaited<ReturnType<typeof listOwn>>['data'][number];

const endPath = `${sessionsPath}/end` as const;
const endOthersPath = `${sessionsPath}/end-others` as const;

/** More are ended by a login. */
const maxShown = 100;

/** A session that was used within this time is in use. */
const activeSeconds = 5 * 60;

const done = z.enum(['session_ended', 'others_ended', 'device_forgotten']);

export function sessionPages(flow: SessionPages): readonly Endpoint[] {
  const { catalogues } = flow;
  const common = { section: sessionsPath, catalogues } as const;
  return [
    pageEndpoint({
      id: 'sessions.show',
      method: 'GET',
      path: sessionsPath,
      summary: 'The sessions of the account that is signed in, in words',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      request: { query: z.strictObject({ done: done.optional() }) },
      problems: [],
      handler: ({ query, principal, caller }) => listPage(flow, principal, caller, query.done),
    }),
    ...accountForm({
      ...common,
      path: endPath,
      show: { id: 'sessions.show_end', summary: 'Page that asks whether to sign a session out' },
      submit: {
        id: 'sessions.submit_end',
        summary: 'Its form, also in the list of sessions: signs the session out',
        fields: {},
        rateLimit: 'pages',
      },
      about: { id: z.string().max(100) },
      content: async ({ words, principal, about }) => {
        const found = (await listAll(flow, principal)).find(({ id, current }) => id === about.id && !current);
        if (found === undefined) return undefined;
        const { say } = words;
        const lead = say('page.end_session.question', { device: shownDevice(words, found.device).title });
        return { title: say('page.end_session.title'), lead, submit: say('page.logout.submit') };
      },
      act: async ({ id }, principal) => {
        await endOne(flow, principal, id.toLowerCase());
        return { done: 'session_ended' };
      },
      leads: ['session_not_found'],
    }),
    ...accountForm({
      ...common,
      path: endOthersPath,
      show: { id: 'sessions.show_end_others', summary: 'Page that asks whether to sign out everywhere else' },
      submit: {
        id: 'sessions.submit_end_others',
        summary: 'Its form, also in the list of sessions: signs every other session out',
        fields: { act: z.literal('confirm') },
        rateLimit: 'pages',
      },
      content: ({ words: { say } }) => ({
        title: say('page.end_others.title'),
        lead: say('page.end_others.question'),
        fields: hiddenField('act', 'confirm'),
        submit: say('page.sessions.end_others'),
      }),
      act: async (_, principal) => {
        await endOthers(flow, principal);
        return { done: 'others_ended' };
      },
    }),
    ...forgetDevicePage(flow),
  ];
}

async function listAll(flow: ManageSessions, principal: Principal): Promise<readonly Listed[]> {
  return (await listOwn(flow, principal, { limit: maxShown, cursor: undefined })).data;
}

async function listPage(
  flow: SessionPages,
  principal: Principal,
  caller: Caller,
  what: z.output<typeof done> | undefined,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const [all, devices] = await Promise.all([listAll(flow, principal), listDevices(flow, principal)]);
  // The reader looks for this device first.
  const sessions = [...all].sort((one, other) => Number(other.current) - Number(one.current));
  const now = flow.clock.now();
  const body = html`${doneNote(words, 'sessions', what)}${section({
    title: say('page.sessions.now'),
    ...(sessions.length > 1 && {
      action: actForm(endOthersPath, {
        label: say('page.sessions.end_others'),
        kind: 'plain wrong',
        fields: { act: 'confirm' },
      }),
    }),
    body: things(sessions.map((session) => thingOf(words, session, now))),
  })}${deviceSection(words, devices, now)}`;
  const [title, lead] = [say('page.sessions.title'), say('page.sessions.lead')];
  return { kind: 'html', status: 200, html: accountPage({ section: sessionsPath, title, lead, words, body }) };
}

function thingOf(words: PageWords, session: Listed, now: Date): Thing {
  const { say } = words;
  const { id, current, device, address, amr, authTime, lastSeenAt } = session;
  const { icon, title } = shownDevice(words, device);
  const seen = new Date(lastSeenAt);
  const isActive = current || now.getTime() - seen.getTime() < activeSeconds * 1000;
  const ways = waysOf(words, amr);
  const at = new Date(authTime);
  return {
    icon,
    title,
    tags: [
      ...(current ? [[say('page.sessions.current')] as const] : []),
      ...(isActive ? [[say('page.sessions.active_now'), 'good'] as const] : []),
    ],
    lines: [
      ...(address === null ? [] : [address]),
      ...(isActive ? [] : [say('page.sessions.active', { ago: ago(words, seen, now) })]),
      ways === '' ? say('page.sessions.signed_in', { at }) : say('page.sessions.signed_in_with', { at, ways }),
    ],
    ...(!current && {
      actions: [actForm(endPath, { label: say('page.logout.submit'), about: title, fields: { id } })],
    }),
  };
}

/** The methods of RFC 8176 that a user knows by a name; the others say how strong they are. */
const namedMethods: Readonly<Record<string, string>> = {
  pwd: 'page.sessions.by_pwd',
  otp: 'page.sessions.by_otp',
  hwk: 'page.sessions.by_passkey',
  swk: 'page.sessions.by_passkey',
};

function waysOf({ lang, say }: PageWords, amr: readonly string[]): string {
  const names = amr.flatMap((method) => namedMethods[method] ?? []).map((key) => say(key));
  return new Intl.ListFormat(lang, { type: 'conjunction' }).format([...new Set(names)]);
}
