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

/** How long to wait after too many attempts, rounded up: to minutes, or to hours from two of them on. */
export function waitText({ say }: PageWords, retryAfterSeconds = 60): string {
  const minutes = Math.max(1, Math.ceil(retryAfterSeconds / 60));
  return minutes < 120 ? say('page.wait', { minutes }) : say('page.wait_hours', { hours: Math.ceil(minutes / 60) });
}
