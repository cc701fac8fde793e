/** The one stylesheet of the pages, a file of its own so that the content security policy can refuse inline style. */
import { readFileSync } from 'node:fs';
import { colorsOf, defaultTheme, type Theme, themeCss } from '#protocol/theme/index.ts';
import { type Asset, imageAsset, textAsset } from './assets.ts';
import { markFile } from './icon.ts';

const structure = smaller(readFileSync(new URL('./latchkey.css', import.meta.url), 'utf8'));

export function stylesheetOf(theme: Theme): Asset {
  return textAsset('latchkey.css', 'text/css; charset=utf-8', themeCss(theme) + structure);
}

/** The icon of a browser's tab. */
export function iconOf({ accent }: Theme): Asset {
  const { accent: button, 'accent-ink': ink } = colorsOf('light', accent);
  return imageAsset('icon.svg', 'image/svg+xml', Buffer.from(markFile({ accent: button, ink })));
}

/** Of pages whose deployment is not known: in tests, and of a process that has no configuration. */
export const defaultStylesheet: Asset = stylesheetOf(defaultTheme);
export const defaultIcon: Asset = iconOf(defaultTheme);

/** Without comments and line breaks. The stylesheet has no text in which these would count. */
function smaller(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\s*([{};,])\s*/g, '$1')
    .trim();
}
