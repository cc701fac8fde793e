import { type Catalogues, directionOf, type MessageArguments, sayDevice } from '#platform/i18n/index.ts';
import type { MailBody } from '#platform/mail/index.ts';
import { displayName, oneLine } from '#protocol/untrusted-text/index.ts';
import { subjectWith } from './subject.ts';
import { type MailTemplate, mailTemplates } from './templates.ts';

/** The input of a rendered mail. */
export interface MailFacts {
  readonly catalogues: Catalogues;
  readonly locale: string;
  /** The address that the mail is sent to. */
  readonly recipient: string;
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

type Format = (key: string, more?: MessageArguments) => string;

/** Composes the texts of a mail in the recipient's locale. */
export function composeMail(template: MailTemplate, facts: MailFacts): MailBody {
  const { catalogues, link, code, withheld = [] } = facts;
  const locale = catalogues.match(facts.locale);
  const values = valuesOf(facts);
  const format: Format = (key, more) => catalogues.format(locale, key, { ...values, ...more });
  const partOf = (part: string): string => format(`mail.${template}.${part}`);
  const { paragraphs, hasCodeBesideLink, hasFacts, closing, preheader, isForStrangers } = mailTemplates[template];
  return {
    locale,
    dir: directionOf(locale),
    service: catalogues.brand.name,
    subject: subjectWith(catalogues.brand.name, (service) => format(`mail.${template}.subject`, { service })),
    preheader: partOf(preheader),
    title: partOf('title'),
    greeting: values.name === undefined ? format('mail.greeting_without_name') : format('mail.greeting'),
    paragraphs: [
      ...paragraphs.map(partOf),
      ...(hasCodeBesideLink && code !== undefined ? [partOf('code')] : []),
      ...withheld.map(({ template: kind, count }) =>
        format('mail.withheld_notices.line', { count, notice: format(`mail.${kind}.title`) }),
      ),
    ],
    facts: hasFacts ? occasionOf(facts, format) : [],
    code: code?.text ?? null,
    action: link === null ? null : { label: partOf('action'), url: link.url },
    closing: closing.map(partOf),
    foot: format(isForStrangers ? 'mail.foot.entered' : 'mail.foot.account'),
  };
}

/** When, and from where as far as it is known. */
function occasionOf({ params }: MailFacts, format: Format): MailBody['facts'] {
  const { address, browser, os, device = sayDevice(format, { browser, os }) } = params;
  return [
    { label: format('mail.facts.time'), value: format('mail.facts.at') },
    ...(address === undefined ? [] : [{ label: format('mail.facts.device'), value: shortened(device) }]),
    ...(address === undefined ? [] : [{ label: format('mail.facts.address'), value: shortened(address) }]),
  ];
}

function valuesOf({ recipient, userName, params, enqueuedAt, link, code }: MailFacts): MessageArguments {
  const { name: ownName = userName, time, ...texts } = params;
  const name = displayName(ownName);
  const until = link?.until ?? code?.until;
  return {
    ...Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, shortened(text)])),
    recipient,
    at: time === undefined ? enqueuedAt : new Date(time),
    ...(name === null ? {} : { name }),
    ...(until === undefined ? {} : { until }),
    ...(code === undefined ? {} : { code: code.text }),
  };
}

const maxValueCharacters = 80;

function shortened(text: string): string {
  return oneLine(text).slice(0, maxValueCharacters);
}
