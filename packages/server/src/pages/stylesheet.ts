/** The one stylesheet of the pages, a file of its own so that the content security policy can refuse inline style. */
import { readFileSync } from 'node:fs';

export const stylesheetPath = '/assets/latchkey.css';

export const stylesheet: string = readFileSync(new URL('./latchkey.css', import.meta.url), 'utf8');
