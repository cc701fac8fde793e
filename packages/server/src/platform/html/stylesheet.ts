/** The one stylesheet of our pages. It is a file of ours, so that pages need no inline style. */
import { readFileSync } from 'node:fs';

/** Where pages find it. */
export const stylesheetPath = '/assets/latchkey.css';

/** Its text. */
export const stylesheet: string = readFileSync(new URL('./latchkey.css', import.meta.url), 'utf8');
