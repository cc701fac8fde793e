/** The layout of every page: one column, one heading, readable without style and by a screen reader. */
import { type Html, html } from '#platform/html/index.ts';
import { stylesheetPath } from './stylesheet.ts';

export interface Page {
  readonly title: string;
  /** A BCP 47 language tag. */
  readonly lang?: string;
  readonly body: Html;
  /** Of `hasScripts` endpoints: the path of a script of ours. */
  readonly script?: string | undefined;
  /** `wide` is for reference pages. */
  readonly width?: 'narrow' | 'wide';
}

/** The mark above the card; the title names the page. */
const mark = html`<div class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/>
<path d="M16 7.75a4.75 4.75 0 0 0-2.35 8.88l-1.2 6.27c-.1.56.33 1.1.9 1.1h5.3c.57 0 1-.54.9-1.1l-1.2-6.27A4.75 4.75 0 0 0 16 7.75Z"/>
</svg></div>`;

/** A whole document. */
export function page(content: Page): Html {
  return html`<!doctype html>
<html lang="${content.lang ?? 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${content.title} – Latchkey</title>
<link rel="stylesheet" href="${stylesheetPath}">${
    content.script !== undefined &&
    html`
<script type="module" src="${content.script}"></script>`
  }
</head>
<body>
${content.width !== 'wide' && mark}
<main class="${content.width ?? 'narrow'}">
<h1>${content.title}</h1>
${content.body}
</main>
</body>
</html>
`;
}
