/** `/accept-invitation`: shows the invited email, takes a name and a password, and creates the account. */
import { z } from 'zod';
import { findUsedInvitation } from '#domain/invitations/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { nameInput } from '#domain/users/index.ts';
import { type FieldError, Problem } from '#kernel/problem.ts';
import { field, or, stack } from '#pages/form.ts';
import { type Complaints, linkPage, linkToken } from '#pages/link-page.ts';
import { lengthComplaint, newPasswordField, usernameField } from '#pages/new-password-field.ts';
import { providerButtons } from '#pages/provider-buttons.ts';
import { type Html, html, joinHtml } from '#platform/html/index.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { type AcceptInvitation, acceptInvitation, readInvitation } from './accept-invitation.ts';

/** Above the limit of a name, so that the form is shown again with its error instead of an error page. */
const maxTypedName = 1000;

export function acceptInvitationPage(flow: AcceptInvitation): readonly Endpoint[] {
  return linkPage({
    path: '/accept-invitation',
    show: { id: 'invitation.show', summary: 'Page of an invitation: form for a name and a password' },
    submit: {
      id: 'invitation.submit',
      summary: 'Submit the form of the invitation page: creates the account',
      form: z.strictObject({ token: linkToken, name: z.string().max(maxTypedName), password: passwordInput }),
    },
    catalogues: flow.catalogues,
    texts: 'page.accept_invitation',
    read: (token = '') => readInvitation(flow, token),
    alreadyDone: async (token) => {
      const used = await findUsedInvitation(flow.database, token);
      return used && { text: 'accepted', locale: used.locale };
    },
    localeOf: ({ locale }) => locale,
    form: ({ link, token, words, say }, complaints, typed) => ({
      paragraphs: [say('intro')],
      fields: fieldsOf(flow, words, { email: link.asTyped, name: typed?.name ?? '', complaints }),
      otherWays: providersOf(flow, words, token),
    }),
    act: async ({ token, name, password }, caller, { words }) => {
      const valid = nameInput.safeParse(name);
      if (!valid.success) throw invalidName(flow, words, password);
      await acceptInvitation(flow, { token, name: valid.data, password, locale: undefined }, caller);
      return { text: 'done' };
    },
    refusals: { registration_refused: 'refused' },
  });
}

/** The account then gets the invited email, and signs in with the provider. */
function providersOf(
  { identityProviders }: AcceptInvitation,
  words: PageWords,
  invitation: string | undefined,
): Html | undefined {
  if (invitation === undefined) return undefined;
  const buttons = providerButtons(words, identityProviders, { invitation });
  return buttons.length === 0 ? undefined : html`${or(words.say('page.login.or'))}${stack(...buttons)}`;
}

function fieldsOf(
  { passwordRules }: AcceptInvitation,
  words: PageWords,
  { email, name, complaints }: { readonly email: string; readonly name: string; readonly complaints: Complaints },
): Html {
  return joinHtml([
    usernameField(words, email),
    field({
      name: 'name',
      label: words.say('page.name.label'),
      type: 'text',
      autocomplete: 'name',
      value: name,
      maxLength: 200,
      hasFocus: complaints.name !== undefined || complaints.password === undefined,
      complaint: complaints.name,
    }),
    newPasswordField(passwordRules, words, {
      label: 'first',
      complaint: complaints.password,
      hasFocus: complaints.name === undefined && complaints.password !== undefined,
    }),
  ]);
}

/** Also reports the length of the password, so that a form with both errors is shown again only once. */
function invalidName({ passwordRules }: AcceptInvitation, words: PageWords, password: string): Problem {
  const errors: FieldError[] = [{ path: '/name', code: 'invalid_name', message: words.say('page.name.invalid') }];
  const message = lengthComplaint(passwordRules, words, password);
  if (message !== undefined) errors.push({ path: '/password', code: 'invalid_length', message });
  return new Problem('validation_failed', { errors });
}
