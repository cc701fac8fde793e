/**
 * The layouts of pages: a card in the middle for one thing to do, the account with its sections at the side, and a wide page for
 * references. Each is whole and readable without style, without a script and by a screen reader.
 */
import { type Html, html } from '#platform/html/index.ts';
import type { Brand, PageWords } from '#platform/i18n/index.ts';
import { postForm } from './form.ts';
import { type IconName, icon, mark } from './icon.ts';
import {
  accountPath,
  connectionsPath,
  dataPath,
  type OwnPath,
  profilePath,
  securityPath,
  sessionsPath,
} from './own-path.ts';
import { enhanceScript } from './scripts.ts';
import { defaultIcon, defaultStylesheet } from './stylesheet.ts';

interface Document {
  readonly words: PageWords;
  /** Also the heading. */
  readonly title: string;
  /** One sentence below the heading. */
  readonly lead?: string | Html | undefined;
  readonly body: Html;
  /** The path of a further script of ours. */
  readonly script?: string | undefined;
  /** The address that the browser goes on to by itself. The page shows a link to it as well: a refresh can be switched off. */
  readonly goesOnTo?: string | undefined;
}

export interface Page extends Document {
  /** Above the heading, which then stands in the middle: for what happened, and for questions. */
  readonly icon?: IconName | undefined;
  readonly tone?: Tone | undefined;
  /** The foot of the card: another account, another way, the reference of a problem. */
  readonly beneath?: Html | undefined;
}

/** A color that repeats the meaning of the words and the icon. */
export type Tone = 'wrong' | 'good' | 'warn';

/** One card, for one thing to do. */
export function page(content: Page): Html {
  const { words, body, beneath } = content;
  return document(
    content,
    html`<body class="alone">
<main>
<div class="brand">${signOf(words.brand)}</div>
<div class="card"><div class="inside">
${head(content)}
${body}
</div>${beneath && html`<div class="beneath">${beneath}</div>`}</div>
</main>
${foot(words)}
</body>`,
  );
}

/** The sections of the account, in the order of the list. */
export const accountSections = [
  { path: profilePath, icon: 'user', title: 'page.profile.title' },
  { path: securityPath, icon: 'shield', title: 'page.security.title' },
  { path: sessionsPath, icon: 'laptop', title: 'page.sessions.title' },
  { path: connectionsPath, icon: 'link', title: 'page.connections.title' },
  { path: dataPath, icon: 'box', title: 'page.data.title' },
] as const satisfies readonly { readonly path: OwnPath; readonly icon: IconName; readonly title: string }[];

/** A section, or the list of them. */
export type AccountSection = (typeof accountSections)[number]['path'] | typeof accountPath;

export interface AccountPage extends Document {
  /** The section that this page belongs to. */
  readonly section: AccountSection;
  /** By default, those that the deployment has a use for. */
  readonly sections?: readonly (typeof accountSections)[number][];
}

/** The sections that the deployment has a use for, and the section that is shown. */
export function sectionsOf({ hides }: PageWords, shown: string): readonly (typeof accountSections)[number][] {
  return accountSections.filter(({ path }) => path === shown || !hides(path));
}

/** A page of the account. On a phone the sections are a page of their own, to which each page leads back. */
export function accountPage(content: AccountPage): Html {
  const { words, section, body, sections: listed = sectionsOf(words, section) } = content;
  const { say, brand } = words;
  const sections = listed.map(
    ({ path, icon: name, title }) =>
      html`<li><a href="${path}"${path === section && html` aria-current="page"`}>${icon(name)}${say(title)}</a></li>
`,
  );
  return document(
    content,
    html`<body>
<a class="away" href="#main">${say('page.skip')}</a>
<header class="top"><div><a class="brand" href="${accountPath}">${signOf(brand)}</a>
${postForm('/logout', html`<button class="plain compact" name="act" value="this">${say('page.logout.submit')}</button>`)}</div></header>
<div class="sides">
<nav aria-label="${say('page.account.title')}"><ul>
${sections}</ul></nav>
<main id="main" tabindex="-1">
${section !== accountPath && html`<a class="back" href="${accountPath}">${icon('back')}${say('page.account.title')}</a>`}
${head(content)}
${body}
</main>
</div>
${foot(words)}
</body>`,
  );
}

/** A part of an account page: a card with a heading. */
export interface Section {
  readonly title: string | Html;
  readonly lead?: string | Html | undefined;
  /** Beside the heading. */
  readonly action?: Html | undefined;
  readonly body: Html;
}

export function section({ title, lead, action, body }: Section): Html {
  return html`<section class="card section"><header><div><h2>${title}</h2>${lead !== undefined && html`<p>${lead}</p>`}</div>${action}</header>
${body}</section>
`;
}

/** References and tools for developers. */
export function widePage(content: Document): Html {
  return document(
    content,
    html`<body class="wide">
<main>
${head(content)}
${content.body}
</main>
</body>`,
  );
}

function document({ words, title, script, goesOnTo }: Document, body: Html): Html {
  return html`<!doctype html>
<html lang="${words.lang}"${words.dir === 'rtl' && html` dir="rtl"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">${
    goesOnTo !== undefined &&
    html`
<meta http-equiv="refresh" content="0;url=${goesOnTo}">`
  }
<title>${title} – ${words.brand.name}</title>
<link rel="stylesheet" href="${words.brand.look?.stylesheetPath ?? defaultStylesheet.path}">
<link rel="icon" href="${words.brand.look?.iconPath ?? defaultIcon.path}" type="image/svg+xml">
<script type="module" src="${enhanceScript.path}"></script>${
    script !== undefined &&
    html`
<script type="module" src="${script}"></script>`
  }
</head>
${body}
</html>
`;
}

/** The operator's logo, or else a keyhole and the name. */
function signOf({ name, look }: Brand): Html {
  if (look?.logo === undefined) return html`${mark}<span>${name}</span>`;
  const { path, darkPath } = look.logo;
  const image = html`<img src="${path}" alt="${name}" height="32">`;
  if (darkPath === undefined) return image;
  return html`<picture><source media="(prefers-color-scheme: dark)" srcset="${darkPath}">${image}</picture>`;
}

function head({ title, lead, icon: name, tone }: Pick<Page, 'title' | 'lead' | 'icon' | 'tone'>): Html {
  const disc = name !== undefined && html`<div class="disc ${tone}">${icon(name)}</div>`;
  return html`<div class="head${name !== undefined && html` middle`}">${disc}<h1>${title}</h1>${
    lead !== undefined && html`<p>${lead}</p>`
  }</div>`;
}

/** The language of the page, and a list of the others, which opens without a script. */
function languageSwitch({ languages, lang, say }: PageWords): Html | false {
  const current = languages.find((each) => each.lang === lang);
  if (current === undefined || languages.length < 2) return false;
  const items = languages.map(
    (each) =>
      html`<li><a href="${each.address}" lang="${each.lang}" hreflang="${each.lang}" dir="${each.dir}"${each === current && html` aria-current="true"`}>${each.name}</a></li>`,
  );
  return html`<button type="button" class="quiet" popovertarget="languages" aria-label="${say('page.foot.language', { language: current.name })}">${icon('globe')}${current.name}</button>
<ul class="languages" id="languages" popover>${items}</ul>
`;
}

function foot(words: PageWords): Html {
  const { brand, say } = words;
  const links = brand.links.map(
    ({ kind, url }) => html`<a href="${url}">${say(`page.foot.${kind}`)}</a>
`,
  );
  return html`<footer class="foot">
${languageSwitch(words)}${links}</footer>`;
}
