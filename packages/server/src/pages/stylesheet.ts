/** The one stylesheet of the pages, a file of its own so that the content security policy can refuse inline style. */
import { readFileSync } from 'node:fs';
import { defaultTheme, type Theme, themeCss } from '#protocol/theme/index.ts';
import { type Asset, textAsset } from './assets.ts';

const structure = smaller(readFileSync(new URL('./latchkey.css', import.meta.url), 'utf8'));

export function stylesheetOf(theme: Theme): Asset {
  return textAsset('latchkey.css', 'text/css; charset=utf-8', themeCss(theme) + structure);
}

/** Of pages whose deployment is not known: in tests, and of a process that has no configuration. */
export const defaultStylesheet: Asset = stylesheetOf(defaultTheme);

/** Without comments and line breaks. The stylesheet has no text in which these would count. */
function smaller(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\s*([{};,])\s*/g, '$1')
    .trim();
}
