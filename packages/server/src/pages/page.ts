/** The layout of every page: one column, one heading, readable without style and by a screen reader. */
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { stylesheetPath } from './stylesheet.ts';

export interface Page {
  readonly words: Pick<PageWords, 'lang' | 'brand'>;
  readonly title: string;
  readonly body: Html;
  /** Of `hasScripts` endpoints: the path of a script of ours. */
  readonly script?: string | undefined;
  /** `wide` is for reference pages. */
  readonly width?: 'narrow' | 'wide';
}

/** The mark above the card; the title names the page. */
const mark = html`<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/>
<path d="M16 7.75a4.75 4.75 0 0 0-2.35 8.88l-1.2 6.27c-.1.56.33 1.1.9 1.1h5.3c.57 0 1-.54.9-1.1l-1.2-6.27A4.75 4.75 0 0 0 16 7.75Z"/>
</svg>`;

/** A whole document. */
export function page(content: Page): Html {
  const { words } = content;
  return html`<!doctype html>
<html lang="${words.lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${content.title} – ${words.brand.name}</title>
<link rel="stylesheet" href="${stylesheetPath}">${
    content.script !== undefined &&
    html`
<script type="module" src="${content.script}"></script>`
  }
</head>
<body>
${content.width !== 'wide' && html`<div class="brand">${mark}<b>${words.brand.name}</b></div>`}
<main class="${content.width ?? 'narrow'}">
<h1>${content.title}</h1>
${content.body}
</main>
</body>
</html>
`;
}
