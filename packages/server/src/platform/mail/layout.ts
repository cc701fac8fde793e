import { html } from '#platform/html/index.ts';

/** The content of a mail. All parts are plain text; the HTML escapes them. */
export interface MailBody {
  readonly locale: string;
  readonly subject: string;
  readonly greeting: string;
  readonly paragraphs: readonly string[];
  /** The only link. Its URL is the public URL with a path and a computed secret. */
  readonly action: { readonly label: string; readonly url: string } | null;
  /** Advice for recipients who did not expect this mail. */
  readonly closing: readonly string[];
  readonly signature: string;
}

/** Renders the text and the HTML part from the same content. */
export function renderBody(body: MailBody): { readonly text: string; readonly html: string } {
  return { text: renderText(body), html: renderHtml(body) };
}

/** The link has a line of its own, so that mail clients detect its end. */
function renderText(body: MailBody): string {
  const action = body.action === null ? [] : [`${body.action.label}:\n${body.action.url}`];
  const parts = [body.greeting, ...body.paragraphs, ...action, ...body.closing, body.signature];
  return `${parts.join('\n\n')}\n`;
}

// Mail clients drop style sheets, so the styles are inline.
function renderHtml(body: MailBody): string {
  const { locale, subject, greeting, paragraphs, action, closing, signature } = body;
  return html`<!doctype html>
<html lang="${locale}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${subject}</title></head>
<body style="margin:0;padding:24px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;background:#ffffff">
<div style="max-width:560px;margin:0 auto">
<p>${greeting}</p>
${paragraphs.map((paragraph) => html`<p>${paragraph}</p>\n`)}
${
  action &&
  html`<p><a href="${action.url}" style="${buttonStyle}">${action.label}</a></p>
<p style="font-size:14px;color:#4a4a4a;word-break:break-all">${action.url}</p>`
}
${closing.map((line) => html`<p style="font-size:14px;color:#4a4a4a">${line}</p>\n`)}
<p>${signature}</p>
</div>
</body>
</html>
`.toString();
}

const buttonStyle =
  'display:inline-block;padding:10px 18px;border-radius:6px;background:#1f4fd8;color:#ffffff;text-decoration:none';
