/** Sentences about what just happened, which a screen reader reads at once. */
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';

/** Above a form or a text: what went wrong. */
export function alert(text: string): Html {
  return html`<p class="note wrong" role="alert">${text}</p>
`;
}

/** Above a text: what was done. */
export function status(text: string): Html {
  return html`<p class="note" role="status">${text}</p>
`;
}

/** How long to wait after too many attempts, in whole minutes. */
export function waitText({ say }: PageWords, retryAfterSeconds: number | undefined): string {
  return say('page.wait', { minutes: Math.max(1, Math.ceil((retryAfterSeconds ?? 60) / 60)) });
}
