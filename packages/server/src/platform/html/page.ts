/** The layout of every page: one column, one heading, readable without style and by a screen reader. */
import { type Html, html } from './html.ts';
import { stylesheetPath } from './stylesheet.ts';

export interface Page {
  readonly title: string;
  /** A BCP 47 language tag. */
  readonly lang?: string;
  readonly body: Html;
  /** `wide` for pages that people read rather than fill in. */
  readonly width?: 'narrow' | 'wide';
}

/** A whole document. Mailed links must not leak, so it asks for no referrer and no indexing. */
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
