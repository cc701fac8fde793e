/** The scripts of pages, each a file of its own: the content security policy refuses inline scripts. */
import { readFileSync } from 'node:fs';
import { type Asset, textAsset } from './assets.ts';

/** On every page: small comforts, without which each page is complete. */
export const enhanceScript: Asset = script('enhance.js');

/** On pages with passkeys. */
export const passkeyScript: Asset = script('passkey.js');
export const passkeyScriptPath = passkeyScript.path;

function script(name: string): Asset {
  const source = readFileSync(new URL(`./${name}`, import.meta.url), 'utf8');
  // Comments that stand on lines of their own, and indentation.
  const text = source.replace(/^\s*\/\/.*\n/gm, '').replace(/^\s+/gm, '');
  return textAsset(name, 'text/javascript; charset=utf-8', text);
}
