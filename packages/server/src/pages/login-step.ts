/** The form of a login's next step, as a page shows it. The ticket is a hidden field, so that it works without scripts. */
import type { LoginResult } from '#domain/authentication/index.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { button, field, hiddenField, postForm } from './form.ts';

/** The path of the page that proves a second factor. */
export const secondFactorPath = '/login/second-factor';

type StepRequired = Extract<LoginResult, { readonly kind: 'step_required' }>;

/** The form of the step that a login needs. */
export function stepForm(words: PageWords, { step, ticket }: StepRequired): Html {
  if (step === 'second_factor') return secondFactorForm(words, { ticket: ticket.text });
  const content = html`${hiddenField('ticket', ticket.text)}
${button({ label: words.say('page.cancel_deletion.submit') })}`;
  return postForm('/cancel-deletion', content);
}

/** The form for a code of an authenticator app or a recovery code. */
export function secondFactorForm(
  words: PageWords,
  { ticket, complaint }: { readonly ticket: string; readonly complaint?: string },
): Html {
  const content = html`${hiddenField('ticket', ticket)}
${field({
  name: 'code',
  label: words.say('page.second_factor.code'),
  type: 'text',
  autocomplete: 'one-time-code',
  maxLength: 100,
  complaint,
})}
${button({ label: words.say('page.second_factor.submit') })}`;
  return postForm(secondFactorPath, content);
}
