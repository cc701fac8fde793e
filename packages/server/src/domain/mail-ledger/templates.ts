import type { Catalogues, MessageArguments } from '#platform/i18n/index.ts';
import type { MailBody } from '#platform/mail/index.ts';
import { displayName, oneLine } from '#protocol/untrusted-text/index.ts';

/** The parameters of each template besides link, user name and time; encrypted in the ledger. */
export interface MailParams {
  /** The name of this registration; it becomes the user's only when the link is opened. */
  verify_email: { readonly name: string };
  already_registered: Readonly<Record<string, never>>;
  /** `device` is our own description ("Firefox on Linux"), never the user agent itself; `time` is in ISO 8601. */
  new_device: { readonly device: string; readonly address: string; readonly time: string };
  refresh_token_reuse: Readonly<Record<string, never>>;
  /** Lists the notices that were withheld because there were many in an hour. */
  withheld_notices: Readonly<Record<string, never>>;
  failed_logins: Readonly<Record<string, never>>;
  invitation: Readonly<Record<string, never>>;
  account_deletion_scheduled: Readonly<Record<string, never>>;
  /** Instead of `account_deletion_scheduled` when there is no grace period. */
  account_deleted: Readonly<Record<string, never>>;
  account_deletion_canceled: Readonly<Record<string, never>>;
  /** Empty for an unverified user, whose name an attacker may have chosen. */
  reset_password: { readonly name: string };
  magic_link: { readonly name: string };
  email_code: { readonly name: string };
  mailbox_code: Readonly<Record<string, never>>;
  password_reset_done: Readonly<Record<string, never>>;
  password_changed: Readonly<Record<string, never>>;
  /** Wrong codes after a right password, from an unknown device. */
  second_factor_failed: Readonly<Record<string, never>>;
  second_factor_added: Readonly<Record<string, never>>;
  /** Two factors were turned off, because the last second one ended. */
  second_factor_removed: Readonly<Record<string, never>>;
  /** The app was removed, and another second factor remains. */
  authenticator_removed: Readonly<Record<string, never>>;
  passkey_added: Readonly<Record<string, never>>;
  /** A security key turned two factors on. */
  security_key_added: Readonly<Record<string, never>>;
  passkey_removed: Readonly<Record<string, never>>;
  passkey_counter_stuck: Readonly<Record<string, never>>;
  /** Another owner's account can be taken over by a link that was made on the server. */
  owner_recovery: { readonly account: string };
  two_step_on: Readonly<Record<string, never>>;
  two_step_off: Readonly<Record<string, never>>;
  recovery_codes_made: Readonly<Record<string, never>>;
  recovery_code_used: Readonly<Record<string, never>>;
  /** Without a name, because the recipient may not be the user, and must not learn whose account it is. */
  email_change_confirm: { readonly name: '' };
  /** Instead of `email_change_requested` when the old address must confirm as well. */
  email_change_approve: Readonly<Record<string, never>>;
  email_change_taken: Readonly<Record<string, never>>;
  email_change_requested: Readonly<Record<string, never>>;
  email_changed_notice: Readonly<Record<string, never>>;
  email_change_undone: Readonly<Record<string, never>>;
}

/** Stored in `mail_ledger.template`. */
export type MailTemplate = keyof MailParams;

/** The input of a rendered mail. */
export interface MailFacts {
  readonly catalogues: Catalogues;
  readonly locale: string;
  /** The host of the public URL, used as the name of the deployment. */
  readonly service: string;
  /** The user's name, for templates without the parameter `name`. */
  readonly userName: string;
  readonly params: Readonly<Record<string, string>>;
  /** The creation of the ledger row, which is the time of the effect. */
  readonly enqueuedAt: Date;
  readonly link: { readonly url: string; readonly until: Date } | null;
  readonly code?: { readonly text: string; readonly until: Date };
  /** The notices that a summary lists. */
  readonly withheld?: readonly { readonly template: string; readonly count: number }[];
}

/** Why a mail may be withheld (`admission.ts`). */
type RecipientQuota =
  /** A stranger can cause it. */
  | 'requested'
  /** It reports an event that may happen often. */
  | 'notice'
  /** Always sent: undo links, and changes of password, address or factors. */
  | 'none';

interface TemplateDeclaration {
  readonly quota: RecipientQuota;
  /** The mail is sent to the new address in the payload of its link, which is not an identifier yet. */
  readonly recipient?: 'new_address';
  /** The path of the link; such a mail is only sent while its token is active. */
  readonly linkPath: string | null;
  /** The mail contains a code instead of a link, and is only sent while its token is active. */
  readonly hasCode?: true;
  readonly paragraphs: readonly string[];
  readonly closing: readonly string[];
}

/** The parts of each mail; their texts are `mail.<template>.<part>` in the catalogs. */
export const mailTemplates: Readonly<Record<MailTemplate, TemplateDeclaration>> = {
  verify_email: {
    quota: 'requested',
    linkPath: '/verify-email',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  already_registered: { quota: 'requested', linkPath: null, paragraphs: ['intro', 'advice'], closing: ['unexpected'] },
  new_device: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'device', 'address', 'time', 'unexpected'],
    closing: [],
  },
  refresh_token_reuse: { quota: 'notice', linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  withheld_notices: { quota: 'none', linkPath: null, paragraphs: ['intro'], closing: ['advice'] },
  failed_logins: { quota: 'notice', linkPath: null, paragraphs: ['intro', 'effect', 'advice'], closing: [] },
  invitation: {
    quota: 'none',
    linkPath: '/accept-invitation',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  account_deletion_scheduled: {
    quota: 'none',
    linkPath: '/cancel-deletion',
    paragraphs: ['intro', 'advice'],
    closing: ['expiry'],
  },
  account_deleted: { quota: 'none', linkPath: null, paragraphs: ['intro'], closing: ['unexpected'] },
  account_deletion_canceled: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    closing: ['unexpected'],
  },
  reset_password: {
    quota: 'requested',
    linkPath: '/reset-password',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  magic_link: {
    quota: 'requested',
    linkPath: '/login/magic-link',
    paragraphs: ['intro', 'browser'],
    closing: ['expiry', 'unexpected'],
  },
  email_code: {
    quota: 'requested',
    linkPath: null,
    hasCode: true,
    paragraphs: ['intro', 'code'],
    closing: ['expiry', 'secrecy', 'unexpected'],
  },
  mailbox_code: {
    quota: 'requested',
    linkPath: null,
    hasCode: true,
    paragraphs: ['intro', 'code'],
    closing: ['expiry', 'secrecy', 'unexpected'],
  },
  password_reset_done: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  password_changed: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  second_factor_failed: { quota: 'notice', linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  second_factor_added: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  second_factor_removed: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  authenticator_removed: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  passkey_added: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  security_key_added: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  passkey_removed: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  passkey_counter_stuck: { quota: 'notice', linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  owner_recovery: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  two_step_on: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  two_step_off: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  recovery_codes_made: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  recovery_code_used: { quota: 'none', linkPath: null, paragraphs: ['intro', 'unexpected'], closing: [] },
  email_change_confirm: {
    quota: 'requested',
    recipient: 'new_address',
    linkPath: '/confirm-email-change',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  email_change_approve: {
    quota: 'none',
    linkPath: '/confirm-email-change',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
  },
  email_change_taken: { quota: 'requested', linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  email_change_requested: { quota: 'none', linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
  email_changed_notice: {
    quota: 'none',
    linkPath: '/undo-email-change',
    paragraphs: ['intro', 'advice'],
    closing: ['expiry'],
  },
  email_change_undone: { quota: 'none', linkPath: null, paragraphs: ['intro', 'advice'], closing: [] },
};

/** Whether this release knows the template of a ledger row. */
export function isMailTemplate(name: string): name is MailTemplate {
  return Object.hasOwn(mailTemplates, name);
}

/** Composes the texts of a mail in the recipient's locale. */
export function composeMail(template: MailTemplate, facts: MailFacts): MailBody {
  const { catalogues, locale, link } = facts;
  const values = valuesOf(facts);
  const format = (key: string): string => catalogues.format(locale, key, values);
  const partOf = (part: string): string => format(`mail.${template}.${part}`);
  const { paragraphs, closing } = mailTemplates[template];
  return {
    locale: catalogues.match(locale),
    subject: partOf('subject'),
    greeting: values.name === undefined ? format('mail.greeting_without_name') : format('mail.greeting'),
    paragraphs: [
      ...paragraphs.map(partOf),
      ...(facts.withheld ?? []).map(({ template: kind, count }) =>
        catalogues.format(locale, 'mail.withheld_notices.line', { count, notice: format(`mail.${kind}.subject`) }),
      ),
    ],
    action: link === null ? null : { label: partOf('action'), url: link.url },
    closing: closing.map(partOf),
    signature: format('mail.signature'),
  };
}

function valuesOf(facts: MailFacts): MessageArguments {
  const { service, userName, params, enqueuedAt, link, code } = facts;
  const { name: ownName = userName, time, ...texts } = params;
  const name = displayName(ownName);
  return {
    service,
    at: time === undefined ? enqueuedAt : new Date(time),
    ...Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [key, oneLine(text).slice(0, maxValueCharacters)]),
    ),
    ...(name === null ? {} : { name }),
    ...(link === null ? {} : { until: link.until }),
    ...(code === undefined ? {} : { code: code.text, until: code.until }),
  };
}

const maxValueCharacters = 80;
