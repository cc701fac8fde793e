/** The one stylesheet of the pages, a file of its own so that the content security policy can refuse inline style. */
import { readFileSync } from 'node:fs';
import { defaultAccent, themeCss } from './theme.ts';

export const stylesheetPath = '/assets/latchkey.css';

export const stylesheet: string =
  themeCss(defaultAccent) + readFileSync(new URL('./latchkey.css', import.meta.url), 'utf8');
