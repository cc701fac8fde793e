/** The scripts of pages, each a file of its own: the content security policy refuses inline scripts. */
import { readFileSync } from 'node:fs';

/** On every page: small comforts, without which each page is complete. */
export const enhanceScriptPath = '/assets/enhance.js';
export const enhanceScript: string = read('enhance.js');

/** On pages with passkeys. */
export const passkeyScriptPath = '/assets/passkey.js';
export const passkeyScript: string = read('passkey.js');

function read(name: string): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), 'utf8');
}
