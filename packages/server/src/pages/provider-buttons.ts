/** The buttons of identity providers, each a form of its own: a link would begin a sign-in when a browser prefetches it. */
import { type Html, html, joinHtml } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { button, hiddenField, postForm } from './form.ts';

/** The providers that people can sign in with. */
export interface OfferedProviders {
  readonly enabled: () => readonly { readonly id: string; readonly name: string }[];
}

/** @param fields sent with the form. */
export function providerButtons(
  { say }: PageWords,
  providers: OfferedProviders,
  fields: { readonly continue?: string | undefined; readonly invitation?: string },
): readonly Html[] {
  const more = joinHtml(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [hiddenField(name, value)])),
  );
  return providers.enabled().map(({ id, name }) => {
    const label = say('page.provider.button', { provider: name });
    return postForm(`/login/with/${id}`, html`${more}${button({ label, kind: 'plain', icon: 'globe' })}`);
  });
}
