/** Icons on a grid of 24, drawn as strokes. They are decoration: what they stand in has the words. */
import { type Html, html } from '#platform/html/index.ts';

const paths = {
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 14.75a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5Z',
  passkey:
    'M10 11.25a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5ZM3.5 20.25c0-3.6 2.9-6 6.5-6 .9 0 1.7.14 2.5.4M18 15.25a2.5 2.5 0 1 0-1.25-4.67A2.5 2.5 0 0 0 18 15.25Zm0 0v5.5m0-2.5h1.75M18 20.75l1.25-.9',
  mail: 'M4.5 5.5h15a1.5 1.5 0 0 1 1.5 1.5v10a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17V7a1.5 1.5 0 0 1 1.5-1.5ZM3.5 7.25 12 13l8.5-5.75',
  alert: 'M12 8v4.75M12 16.1v.05M12 3.25 21.5 19.5a.75.75 0 0 1-.65 1.12H3.15a.75.75 0 0 1-.65-1.12Z',
  stop: 'M12 7.75v5M12 16.2v.05M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  check: 'm5 12.75 4.5 4.5L19.25 7',
  dot: 'M12 13a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z',
  unlink:
    'M9.5 14.5 7 17a3.6 3.6 0 0 1-5-5l2.5-2.5M14.5 9.5 17 7a3.6 3.6 0 0 1 5 5l-2.5 2.5M8.5 3.5v2.5M3.5 8.5H6M15.5 20.5V18M20.5 15.5H18',
  laptop: 'M5.5 5.5h13a1 1 0 0 1 1 1v9h-15v-9a1 1 0 0 1 1-1ZM2.5 18.5h19',
  phone: 'M8 3h8a1.5 1.5 0 0 1 1.5 1.5v15A1.5 1.5 0 0 1 16 21H8a1.5 1.5 0 0 1-1.5-1.5v-15A1.5 1.5 0 0 1 8 3ZM11 18h2',
  key: 'M8 15.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 11.5h9.5M18 11.5v3.25M21 11.5v2.25',
  user: 'M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5c.4-3.6 3.5-6 7.5-6s7.1 2.4 7.5 6',
  shield: 'M12 3.25 19.5 6v6c0 4.4-3.2 7.4-7.5 8.75C7.7 19.4 4.5 16.4 4.5 12V6ZM9 12l2.25 2.25L15.25 10',
  link: 'M9.75 14.25a3.75 3.75 0 0 0 5.3 0l3.4-3.4a3.75 3.75 0 0 0-5.3-5.3L12 6.7M14.25 9.75a3.75 3.75 0 0 0-5.3 0l-3.4 3.4a3.75 3.75 0 0 0 5.3 5.3L12 17.3',
  clock: 'M12 7v5l3.25 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  box: 'M4 8l8-4.25L20 8v8l-8 4.25L4 16ZM4.25 8.15 12 12.25l7.75-4.1M12 12.25v7.75',
  back: 'M14.5 6 8.5 12l6 6',
  globe:
    'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3.2 12h17.6M12 3c2.4 2.6 3.5 5.6 3.5 9s-1.1 6.4-3.5 9c-2.4-2.6-3.5-5.6-3.5-9S9.6 5.6 12 3Z',
  copy: 'M9 9h9.5a1 1 0 0 1 1 1v9.5a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1ZM5 15.5h-.5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1H14a1 1 0 0 1 1 1v.5',
} as const;

export type IconName = keyof typeof paths;

/** Icons that point along the line are mirrored where text runs from right to left. */
const directed: ReadonlySet<IconName> = new Set(['back']);

export function icon(name: IconName): Html {
  const turns = directed.has(name) && html` turns`;
  return html`<svg class="icon${turns}" viewBox="0 0 24 24" aria-hidden="true"><path d="${paths[name]}"/></svg>`;
}

const keyhole =
  'M16 7.75a4.75 4.75 0 0 0-2.35 8.88l-1.2 6.27c-.1.56.33 1.1.9 1.1h5.3c.57 0 1-.54.9-1.1l-1.2-6.27A4.75 4.75 0 0 0 16 7.75Z';

/** The mark of a service without a logo of its own, in the accent. */
export const mark: Html = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/><path d="${keyhole}"/></svg>`;

/** The mark as a file: browsers show it beside the title. */
export function markFile({ accent, ink }: { readonly accent: string; readonly ink: string }): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="${accent}"/><path fill="${ink}" d="${keyhole}"/></svg>`;
}
