/** The source of an event: the address of the requester, and its browser and system in our own words. */
export type Occasion = { readonly address: string; readonly browser?: string; readonly os?: string };

/** Of an event that an operator or the system caused, whose address is not the user's concern. */
type NoOccasion = Readonly<Record<string, never>>;

/** The parameters of each template besides link, user name and time; encrypted in the ledger. */
export interface MailParams {
  /** The name of this registration; it becomes the user's only when the link is opened. */
  verify_email: { readonly name: string };
  already_registered: Readonly<Record<string, never>>;
  /** `time` is in ISO 8601. `device` is for the previous release, which names no browser. */
  new_device: Occasion & { readonly device: string; readonly time: string };
  refresh_token_reuse: NoOccasion | Occasion;
  /** Lists the notices that were withheld because there were many in an hour. */
  withheld_notices: Readonly<Record<string, never>>;
  failed_logins: Readonly<Record<string, never>>;
  invitation: Readonly<Record<string, never>>;
  account_deletion_scheduled: NoOccasion | Occasion;
  /** Instead of `account_deletion_scheduled` when there is no grace period. */
  account_deleted: NoOccasion | Occasion;
  account_deletion_canceled: NoOccasion | Occasion;
  /** Empty for an unverified user, whose name an attacker may have chosen. */
  reset_password: { readonly name: string };
  magic_link: { readonly name: string };
  email_code: { readonly name: string };
  mailbox_code: Readonly<Record<string, never>>;
  password_reset_done: NoOccasion | Occasion;
  password_changed: NoOccasion | Occasion;
  /** Wrong codes after a right password, from an unknown device. */
  second_factor_failed: Readonly<Record<string, never>>;
  second_factor_added: NoOccasion | Occasion;
  /** Two factors were turned off, because the last second one ended. */
  second_factor_removed: NoOccasion | Occasion;
  /** The app was removed, and another second factor remains. */
  authenticator_removed: NoOccasion | Occasion;
  passkey_added: NoOccasion | Occasion;
  /** A security key turned two factors on. */
  security_key_added: NoOccasion | Occasion;
  passkey_removed: NoOccasion | Occasion;
  passkey_counter_stuck: Readonly<Record<string, never>>;
  /** `provider` is its name for people. */
  identity_linked: Occasion & { readonly provider: string };
  identity_unlinked: Occasion & { readonly provider: string };
  /** Another owner's account can be taken over by a link that was made on the server. */
  owner_recovery: { readonly account: string };
  two_step_on: NoOccasion | Occasion;
  two_step_off: NoOccasion | Occasion;
  recovery_codes_made: NoOccasion | Occasion;
  recovery_code_used: NoOccasion | Occasion;
  /** Without a name, because the recipient may not be the user, and must not learn whose account it is. */
  email_change_confirm: { readonly name: '' };
  /** Instead of `email_change_requested` when the old address must confirm as well. */
  email_change_approve: NoOccasion | Occasion;
  email_change_taken: Readonly<Record<string, never>>;
  email_change_requested: NoOccasion | Occasion;
  email_changed_notice: NoOccasion | Occasion;
  email_change_undone: NoOccasion | Occasion;
}

/** Stored in `mail_ledger.template`. */
export type MailTemplate = keyof MailParams;

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
  /** The mail contains a code, and is only sent while its token is active. */
  readonly hasCode?: true;
  /** The mail may have a code beside its link. The part `code` then follows the paragraphs. */
  readonly hasCodeBesideLink?: true;
  readonly paragraphs: readonly string[];
  /** Shows when, and from which browser and address, as a table. */
  readonly hasFacts?: true;
  readonly closing: readonly string[];
  /** The part that lists of mails show beside the subject. */
  readonly preheader: string;
  /** It is sent to an address that may not have an account. */
  readonly isForStrangers?: true;
}

/** Reports a change of the account, which is undone from the sign-in page. */
const changeNotice: TemplateDeclaration = {
  quota: 'none',
  linkPath: null,
  paragraphs: ['intro'],
  hasFacts: true,
  closing: ['unexpected'],
  preheader: 'unexpected',
};

/** The parts of each mail; their texts are `mail.<template>.<part>` in the catalogs. */
export const mailTemplates: Readonly<Record<MailTemplate, TemplateDeclaration>> = {
  verify_email: {
    quota: 'requested',
    linkPath: '/verify-email',
    hasCodeBesideLink: true,
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
    preheader: 'expiry',
    isForStrangers: true,
  },
  already_registered: {
    quota: 'requested',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    closing: ['unexpected'],
    preheader: 'unexpected',
    isForStrangers: true,
  },
  new_device: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro'],
    hasFacts: true,
    closing: ['unexpected'],
    preheader: 'unexpected',
  },
  refresh_token_reuse: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    hasFacts: true,
    closing: [],
    preheader: 'advice',
  },
  withheld_notices: { quota: 'none', linkPath: null, paragraphs: ['intro'], closing: ['advice'], preheader: 'advice' },
  failed_logins: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'effect', 'advice'],
    closing: [],
    preheader: 'advice',
  },
  invitation: {
    quota: 'none',
    linkPath: '/accept-invitation',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
    preheader: 'expiry',
    isForStrangers: true,
  },
  account_deletion_scheduled: {
    quota: 'none',
    linkPath: '/cancel-deletion',
    paragraphs: ['intro', 'advice'],
    hasFacts: true,
    closing: ['expiry'],
    preheader: 'expiry',
  },
  account_deleted: changeNotice,
  account_deletion_canceled: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    hasFacts: true,
    closing: ['unexpected'],
    preheader: 'unexpected',
  },
  reset_password: {
    quota: 'requested',
    linkPath: '/reset-password',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
    preheader: 'expiry',
  },
  magic_link: {
    quota: 'requested',
    linkPath: '/login/magic-link',
    paragraphs: ['intro', 'browser'],
    closing: ['expiry', 'unexpected'],
    preheader: 'expiry',
  },
  email_code: {
    quota: 'requested',
    linkPath: null,
    hasCode: true,
    paragraphs: ['intro'],
    closing: ['expiry', 'secrecy', 'unexpected'],
    preheader: 'expiry',
  },
  mailbox_code: {
    quota: 'requested',
    linkPath: null,
    hasCode: true,
    paragraphs: ['intro'],
    closing: ['expiry', 'secrecy', 'unexpected'],
    preheader: 'expiry',
  },
  password_reset_done: changeNotice,
  password_changed: changeNotice,
  second_factor_failed: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    closing: [],
    preheader: 'advice',
  },
  second_factor_added: changeNotice,
  second_factor_removed: changeNotice,
  authenticator_removed: changeNotice,
  passkey_added: changeNotice,
  security_key_added: changeNotice,
  passkey_removed: changeNotice,
  identity_linked: changeNotice,
  identity_unlinked: changeNotice,
  passkey_counter_stuck: {
    quota: 'notice',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    closing: [],
    preheader: 'advice',
  },
  owner_recovery: {
    quota: 'none',
    linkPath: null,
    paragraphs: ['intro'],
    closing: ['unexpected'],
    preheader: 'unexpected',
  },
  two_step_on: changeNotice,
  two_step_off: changeNotice,
  recovery_codes_made: changeNotice,
  recovery_code_used: changeNotice,
  email_change_confirm: {
    quota: 'requested',
    recipient: 'new_address',
    linkPath: '/confirm-email-change',
    paragraphs: ['intro'],
    closing: ['expiry', 'unexpected'],
    preheader: 'expiry',
    isForStrangers: true,
  },
  email_change_approve: {
    quota: 'none',
    linkPath: '/confirm-email-change',
    paragraphs: ['intro'],
    hasFacts: true,
    closing: ['expiry', 'unexpected'],
    preheader: 'expiry',
  },
  email_change_taken: {
    quota: 'requested',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    closing: [],
    preheader: 'advice',
    isForStrangers: true,
  },
  email_change_requested: {
    quota: 'none',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    hasFacts: true,
    closing: [],
    preheader: 'advice',
  },
  email_changed_notice: {
    quota: 'none',
    linkPath: '/undo-email-change',
    paragraphs: ['intro', 'advice'],
    hasFacts: true,
    closing: ['expiry'],
    preheader: 'expiry',
  },
  email_change_undone: {
    quota: 'none',
    linkPath: null,
    paragraphs: ['intro', 'advice'],
    hasFacts: true,
    closing: [],
    preheader: 'advice',
  },
};

/** Whether this release knows the template of a ledger row. */
export function isMailTemplate(name: string): name is MailTemplate {
  return Object.hasOwn(mailTemplates, name);
}
