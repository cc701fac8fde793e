/** The settings of the rate limits; docs/security/limits.md has the reasons of the defaults. */
import { z } from 'zod';
import { formatQuota, parseQuota, type QuotaRule } from '#protocol/quota/index.ts';
import { choice, parsedText } from './setting.ts';

type LimitName = 'public' | 'pages' | 'authenticated' | 'admin' | 'credential' | 'credentialAddress' | MailLimit;
type MailLimit = 'mail' | 'mailTogether' | 'mailAddress';

/** The quota of each class. */
export type Limits = Readonly<Record<LimitName, QuotaRule>>;

const minute = 60;
const hour = 60 * minute;
const rule = (limit: number, windowSeconds: number): QuotaRule => ({ limit, windowSeconds });

const standard: Limits = {
  public: rule(600, 15 * minute),
  pages: rule(600, 15 * minute),
  authenticated: rule(600, minute),
  admin: rule(300, minute),
  credential: rule(5, 15 * minute),
  credentialAddress: rule(100, 15 * minute),
  mail: rule(3, hour),
  mailTogether: rule(6, hour),
  mailAddress: rule(60, hour),
};

const strict: Limits = {
  ...standard,
  public: rule(100, 15 * minute),
  pages: rule(100, 15 * minute),
  credentialAddress: rule(5, 15 * minute),
};

/** The default as text for the reference page. */
function fallbackOf(name: LimitName): string {
  const [usual, tight] = [formatQuota(standard[name]), formatQuota(strict[name])];
  return usual === tight ? usual : `${usual}; strict: ${tight}`;
}

function quota(facts: { readonly env: string; readonly fallback: string; readonly doc: string }) {
  const expected = 'a number of uses per time, such as 100/15m (units s, m, h and d)';
  return parsedText({ ...facts, expected }, { parse: parseQuota, format: formatQuota });
}

export const limits = z.object({
  preset: choice(['standard', 'strict'], 'standard', {
    env: 'LATCHKEY_LIMITS',
    doc: 'Defaults of the limits below. `standard` suits many people behind one address; `strict` has 100 requests and 5 failures in 15 minutes per address.',
  }),
  public: quota({
    env: 'LATCHKEY_LIMIT_PUBLIC',
    fallback: fallbackOf('public'),
    doc: 'Requests per client address to API endpoints that need no login.',
  }),
  pages: quota({
    env: 'LATCHKEY_LIMIT_PAGES',
    fallback: fallbackOf('pages'),
    doc: 'Requests of pages per logged-in user, or per client address without a login. Requests that pages of other sites cause are counted apart, per address.',
  }),
  authenticated: quota({
    env: 'LATCHKEY_LIMIT_AUTHENTICATED',
    fallback: fallbackOf('authenticated'),
    doc: 'Requests per logged-in user, refreshes of tokens included.',
  }),
  admin: quota({
    env: 'LATCHKEY_LIMIT_ADMIN',
    fallback: fallbackOf('admin'),
    doc: 'Requests per administrator to the admin API.',
  }),
  credential: quota({
    env: 'LATCHKEY_LIMIT_CREDENTIAL',
    fallback: fallbackOf('credential'),
    doc: 'Failed attempts with a password, code or link per client address and account. Successful ones do not count.',
  }),
  credentialAddress: quota({
    env: 'LATCHKEY_LIMIT_CREDENTIAL_ADDRESS',
    fallback: fallbackOf('credentialAddress'),
    doc: 'Failed attempts with a password, code or link per client address, for all accounts together.',
  }),
  mail: quota({
    env: 'LATCHKEY_LIMIT_MAIL',
    fallback: fallbackOf('mail'),
    doc: 'Emails of one kind, such as password resets, that requests without a login can send to one recipient.',
  }),
  mailTogether: quota({
    env: 'LATCHKEY_LIMIT_MAIL_TOGETHER',
    fallback: fallbackOf('mailTogether'),
    doc: 'Such emails of all kinds together to one recipient.',
  }),
  mailAddress: quota({
    env: 'LATCHKEY_LIMIT_MAIL_ADDRESS',
    fallback: fallbackOf('mailAddress'),
    doc: 'Requests for an email, registrations included, per client address.',
  }),
});

/** The configured limits, completed with the defaults of their preset. */
export function completeLimits({
  preset,
  ...limits
}: { readonly preset: 'standard' | 'strict' } & {
  readonly [Name in LimitName]?: QuotaRule | undefined;
}): Limits {
  const configured = Object.entries(limits).filter(([, rule]) => rule !== undefined);
  return { ...(preset === 'strict' ? strict : standard), ...Object.fromEntries(configured) };
}
