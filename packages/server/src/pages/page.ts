/** The layout of every page: one column, one heading, readable without style and by a screen reader. */
import { type Html, html } from '#platform/html/index.ts';
import { stylesheetPath } from './stylesheet.ts';

export interface Page {
  readonly title: string;
  /** A BCP 47 language tag. */
  readonly lang?: string;
  readonly body: Html;
  /** `wide` is for reference pages. */
  readonly width?: 'narrow' | 'wide';
}

/** A whole document. */
export function page(content: Page): Html {
  return html`<!doctype html>
<html lang="${content.lang ?? 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${content.title} – Latchkey</title>
<link rel="stylesheet" href="${stylesheetPath}">
</head>
<body>
<main class="${content.width ?? 'narrow'}">
<h1>${content.title}</h1>
${content.body}
</main>
</body>
</html>
`;
}
