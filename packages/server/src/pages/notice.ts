/** Sentences about what just happened, which a screen reader reads at once. */
import type { Problem } from '#kernel/problem.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { icon } from './icon.ts';

/** Above a form or a text: what went wrong. */
export function alert(text: string): Html {
  return html`<div class="note wrong" role="alert">${icon('stop')}<p>${text}</p></div>
`;
}

/** Above a text: what was done. */
export function status(text: string): Html {
  return html`<div class="note good" role="status">${icon('check')}<p>${text}</p></div>
`;
}

/** A sentence to know before acting. */
export function note(text: string): Html {
  return html`<div class="note">${icon('clock')}<p>${text}</p></div>
`;
}

/** Above a page: what would be better otherwise, and the page that mends it. */
export function warning(text: string, { path, label }: { readonly path: `/${string}`; readonly label: string }): Html {
  return html`<div class="note warn">${icon('alert')}<p>${text} <a href="${path}">${label}</a></p></div>
`;
}

/** Above a form that was not taken for now: how long to wait. */
export function refusal(words: PageWords, { code, retryAfterSeconds }: Problem): Html {
  return alert(code === 'too_many_requests' ? waitText(words, retryAfterSeconds) : words.say('page.busy'));
}

/** How long to wait after too many attempts, rounded up: to minutes, or to hours from two of them on. */
export function waitText({ say }: PageWords, retryAfterSeconds = 60): string {
  const minutes = Math.max(1, Math.ceil(retryAfterSeconds / 60));
  return minutes < 120 ? say('page.wait', { minutes }) : say('page.wait_hours', { hours: Math.ceil(minutes / 60) });
}
