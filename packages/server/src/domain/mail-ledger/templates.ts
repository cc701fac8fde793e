import type { Catalogues, MessageArguments } from '#platform/i18n/index.ts';
import type { MailBody } from '#platform/mail/index.ts';
import { greetingName } from './greeting-name.ts';

/** What each mail is told, beside its link, the user's name and its time; sealed in the ledger. */
export interface MailParams {
  /** The name that this registration was made with, which is not the user's until the link is pressed. */
  verify_email: { readonly name: string };
  already_registered: Readonly<Record<string, never>>;
  /** `device` in words of ours ("Firefox on Linux"), never the user agent's text; `time` in ISO 8601. */
  new_device: { readonly device: string; readonly address: string; readonly time: string };
  refresh_token_reuse: Readonly<Record<string, never>>;
  failed_logins: Readonly<Record<string, never>>;
  invitation: Readonly<Record<string, never>>;
  account_deletion_scheduled: Readonly<Record<string, never>>;
  /** Instead of the one above when there is no grace period: there is nothing to keep. */
  account_deleted: Readonly<Record<string, never>>;
  account_deletion_canceled: Readonly<Record<string, never>>;
  /** Empty for an unverified user, whose name may be a stranger's. */
  reset_password: { readonly name: string };
  magic_link: { readonly name: string };
  email_code: { readonly name: string };
  password_reset_done: Readonly<Record<string, never>>;
  password_changed: Readonly<Record<string, never>>;
  /** Without a name: the reader may be a stranger, who is not told whose account it is. */
  email_change_confirm: { readonly name: '' };
  /** Instead of `email_change_requested` where the old address has to confirm as well. */
  email_change_approve: Readonly<Record<string, never>>;
  email_change_taken: Readonly<Record<string, never>>;
  email_change_requested: Readonly<Record<string, never>>;
  email_changed_notice: Readonly<Record<string, never>>;
  email_change_undone: Readonly<Record<string, never>>;
}

/** The name of a mail; stored in the ledger, so never renamed. */
export type MailTemplate = keyof MailParams;

/** What a mail is made of when it is rendered. */
export interface MailFacts {
  readonly catalogues: Catalogues;
  readonly locale: string;
  /** Of the public URL: what the deployment is called. */
  readonly service: string;
  /** The user's, for mails that bring no name of their own. */
  readonly userName: string;
  readonly params: Readonly<Record<string, string>>;
  /** When the ledger's row was made: when it happened. */
  readonly enqueuedAt: Date;
  readonly link: { readonly url: string; readonly until: Date } | null;
  /** Of a mail that brings a code to type. */
  readonly code?: { readonly text: string; readonly until: Date };
}

interface TemplateDeclaration {
  /** For a link that proves an address: the mail goes there, and to no address that is stored as somebody's. */
  readonly to?: 'address_that_the_link_proves';
  /** The page that its link opens; with it the mail needs a live token. */
  readonly linkPath: string | null;
  /** Its token is a code that is read and typed: the mail needs it alive, and has no link. */
  readonly bringsCode?: true;
  readonly paragraphs: readonly string[];
  readonly closing: readonly string[];
}

/** Every mail there is: its messages are `mail.<template>.<part>` in the catalogues. */
export const mailTemplates: Readonly<Record<MailTemplate, TemplateDeclaration>> = {
  verify_email: { linkPath: '/verify-email', paragraphs: ['intro'], closing: ['expiry', 'unexpected'] },
  already_registered: { linkPath: null, paragraphs: ['intro', 'advice'], closing: ['unexpected'] },
  new_device: { linkPath: null, paragraphs: ['intro', 'device', 'address', 'time', 'unexpected'], closing: [] },
  refresh_token_reuse: { linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  failed_logins: { linkPath: null, paragraphs: ['intro', 'effect', 'advice'], closing: [] },
  invitation: { linkPath: '/accept-invitation', paragraphs: ['intro'], closing: ['expiry', 'unexpected'] },
  account_deletion_scheduled: { linkPath: '/cancel-deletion', paragraphs: ['intro', 'advice'], closing: ['expiry'] },
  account_deleted: { linkPath: null, paragraphs: ['intro'], closing: ['unexpected'] },
  account_deletion_canceled: { linkPath: null, paragraphs: ['intro', 'advice'], closing: ['unexpected'] },
  reset_password: { linkPath: '/reset-password', paragraphs: ['intro'], closing: ['expiry', 'unexpected'] },
  magic_link: { linkPath: '/login/magic-link', paragraphs: ['intro', 'browser'], closing: ['expiry', 'unexpected'] },
  email_code: {
    linkPath: null,
    bringsCode: true,
    paragraphs: ['intro', 'code'],
    closing: ['expiry', 'secrecy', 'unexpected'],
  },
  password_reset_done: { linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  password_changed: { linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  email_change_confirm: {
    to: 'address_that_the_link_proves',
    linkPath: '/confirm-email-change',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  email_change_approve: {
    linkPath: '/confirm-email-change',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  email_change_taken: { linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  email_change_requested: { linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  email_changed_notice: { linkPath: '/undo-email-change', paragraphs: ['intro', 'advice'], closing: ['expiry'] },
  email_change_undone: { linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
};

/** Whether the ledger's word names a mail that this release knows. */
export function isMailTemplate(name: string): name is MailTemplate {
  return Object.hasOwn(mailTemplates, name);
}

/** The words of a mail, in the reader's language. */
export function composeMail(template: MailTemplate, facts: MailFacts): MailBody {
  const { catalogues, locale, link } = facts;
  const values = valuesOf(facts);
  const say = (key: string): string => catalogues.format(locale, key, values);
  const own = (part: string): string => say(`mail.${template}.${part}`);
  const { paragraphs, closing } = mailTemplates[template];
  return {
    locale: catalogues.match(locale),
    subject: own('subject'),
    greeting: values.name === undefined ? say('mail.greeting_without_name') : say('mail.greeting'),
    paragraphs: paragraphs.map(own),
    action: link === null ? null : { label: own('action'), url: link.url },
    closing: closing.map(own),
    signature: say('mail.signature'),
  };
}

function valuesOf(facts: MailFacts): MessageArguments {
  const { service, userName, params, enqueuedAt, link, code } = facts;
  const { name: ownName = userName, time, ...texts } = params;
  const name = greetingName(ownName);
  return {
    service,
    at: time === undefined ? enqueuedAt : new Date(time),
    ...Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, oneLine(text)])),
    ...(name === null ? {} : { name }),
    ...(link === null ? {} : { until: link.until }),
    ...(code === undefined ? {} : { code: code.text, until: code.until }),
  };
}

const maxValueCharacters = 80;

/** A value stays within its line and cannot turn the text around. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, maxValueCharacters);
}
