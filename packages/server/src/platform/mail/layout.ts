import { type Html, html } from '#platform/html/index.ts';

/** The content of a mail. All parts are plain text; the HTML escapes them. */
export interface MailBody {
  readonly locale: string;
  readonly dir: 'ltr' | 'rtl';
  /** The name of the service, above the card. The text part leaves it out: the sender's name shows it. */
  readonly service: string;
  readonly subject: string;
  /** Shown beside the subject in a list of mails, and in the HTML part alone; it repeats a sentence of the mail. */
  readonly preheader: string;
  readonly title: string;
  readonly greeting: string;
  readonly paragraphs: readonly string[];
  /** When, where and how, as a table. */
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  /** Digits to type. */
  readonly code: string | null;
  /** The only link. Its URL is the public URL with a path and a computed secret. */
  readonly action: { readonly label: string; readonly url: string } | null;
  /** Until when link and code work, and advice for recipients who did not expect this mail. */
  readonly closing: readonly string[];
  /** Why the recipient gets it. */
  readonly foot: string;
}

/** The colors of a scheme by their names in the stylesheet of the pages. */
export type MailColors = Readonly<
  Record<'ground' | 'paper' | 'line' | 'ink' | 'soft' | 'accent' | 'accent-ink' | 'accent-line', string>
>;

/** The look of the mails of a deployment. */
export interface MailTheme {
  /** On the elements, so that programs that drop the style sheet show them. */
  readonly colors: MailColors;
  /** For programs that prefer a dark scheme. */
  readonly dark?: MailColors | undefined;
  /** Of corners, in pixels. */
  readonly radius: number;
}

/** Renders the text and the HTML part from the same content. */
export function renderBody(body: MailBody, theme: MailTheme): { readonly text: string; readonly html: string } {
  return { text: renderText(body), html: renderHtml(body, theme) };
}

/** The link has a line of its own, so that mail clients detect its end; the code, so that a double click selects it alone. */
function renderText(body: MailBody): string {
  const { title, greeting, paragraphs, facts, code, action, closing, foot } = body;
  const parts = [
    title,
    greeting,
    ...paragraphs,
    ...(facts.length === 0 ? [] : [facts.map(({ label, value }) => `${label}: ${value}`).join('\n')]),
    ...(code === null ? [] : [code]),
    ...(action === null ? [] : [`${action.label}:\n${action.url}`]),
    ...closing,
    `-- \n${foot}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

// Tables and inline styles: Outlook ignores `max-width` of a `div`, and several programs drop style sheets.
function renderHtml(body: MailBody, theme: MailTheme): string {
  const { locale, dir, service, subject, preheader, title, greeting, paragraphs, closing, foot } = body;
  const { colors, dark, radius } = theme;
  const { ground, paper, line, ink, soft } = colors;
  const small = (text: string) => html`<p class="s" style="margin:0 0 8px;font-size:14px;color:${soft}">${text}</p>
`;
  return html`<!doctype html>
<html lang="${locale}" dir="${dir}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
${dark && html`<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">`}
<title>${subject}</title>
${dark && darkStyle(dark)}
</head>
<body class="g" style="margin:0;padding:0;background:${ground}">
<div style="display:none;max-height:0;overflow:hidden">${preheader}</div>
<table role="presentation" class="g" width="100%" cellpadding="0" cellspacing="0" style="background:${ground}"><tr><td align="center" style="padding:32px 16px">
<table role="presentation" dir="${dir}" width="100%" cellpadding="0" cellspacing="0" style="max-width:520px;font:16px/1.5 system-ui,'Segoe UI',Roboto,sans-serif;text-align:${startOf(dir)}">
<tr><td class="i" style="padding:0 4px 16px;color:${ink};font-weight:600">${service}</td></tr>
<tr><td class="p" style="background:${paper};border:1px solid ${line};border-radius:${radius + 4}px;padding:32px">
<h1 class="i" style="margin:0 0 12px;font-size:20px;line-height:1.3;color:${ink}">${title}</h1>
${[greeting, ...paragraphs].map(
  (text) => html`<p class="i" style="margin:0 0 16px;color:${ink}">${text}</p>
`,
)}${factTable(body, colors)}${codeLine(body, colors)}${button(body, theme)}${closing.map(small)}</td></tr>
<tr><td class="s" style="padding:16px 4px 0;font-size:13px;color:${soft};overflow-wrap:anywhere">${foot}</td></tr>
</table></td></tr></table>
</body>
</html>
`.toString();
}

/** Turns the colors of the elements around, which are inline and therefore need `!important`. */
function darkStyle(dark: MailColors): Html {
  return html`<style>
@media (prefers-color-scheme:dark){
.g{background:${dark.ground}!important}.p{background:${dark.paper}!important;border-color:${dark.line}!important}
.i{color:${dark.ink}!important}.s{color:${dark.soft}!important}.l{border-color:${dark.line}!important}
.b{background:${dark.accent}!important;border-color:${dark['accent-line']}!important}.b a{color:${dark['accent-ink']}!important}
}
</style>`;
}

function factTable({ facts }: MailBody, { line, ink, soft }: MailColors): Html | false {
  const edge = `border-top:1px solid ${line}`;
  const rows = facts.map(
    ({ label, value }) =>
      html`<tr valign="top"><td class="s l" style="padding:8px 12px 8px 0;width:100px;color:${soft};${edge}">${label}</td><td class="i l" style="padding:8px 0;color:${ink};${edge}"><bdi>${value}</bdi></td></tr>
`,
  );
  return (
    rows.length > 0 &&
    html`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 20px;font-size:14px">
${rows}</table>
`
  );
}

/** Digits run from left to right in every language. */
function codeLine({ code, dir }: MailBody, { ink }: MailColors): Html | false {
  return (
    code !== null &&
    html`<p class="i" dir="ltr" style="margin:8px 0 20px;color:${ink};font:600 32px/1.2 ui-monospace,Menlo,Consolas,monospace;letter-spacing:6px;text-align:${startOf(dir)}">${code}</p>
`
  );
}

/** The cell carries the color, since Outlook gives links no padding. */
function button({ action }: MailBody, { colors, radius }: MailTheme): Html | false {
  const look = `background:${colors.accent};border:1px solid ${colors['accent-line']};border-radius:${radius}px`;
  return (
    action !== null &&
    html`<table role="presentation" cellpadding="0" cellspacing="0" style="margin:8px 0 20px"><tr><td class="b" style="${look}"><a href="${action.url}" style="display:inline-block;padding:11px 20px;color:${colors['accent-ink']};font-weight:600;text-decoration:none">${action.label}</a></td></tr></table>
<p class="s" dir="ltr" style="margin:0 0 16px;font-size:13px;color:${colors.soft};word-break:break-all">${action.url}</p>
`
  );
}

function startOf(dir: MailBody['dir']): 'left' | 'right' {
  return dir === 'rtl' ? 'right' : 'left';
}
