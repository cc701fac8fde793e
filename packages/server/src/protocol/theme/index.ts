/**
 * The colors of pages and mails, computed from the accent of the deployment.
 * Invariant: with any accent every text and every edge has the contrast of WCAG 2.2 AA (1.4.3, 1.4.11).
 * Example: of `#ffcc00` the button keeps its color with near-black text, and links on white become `#886d09`.
 */
export { changesOf, colorsOf, defaultTheme, parseAccent, type Scheme, type Theme, themeCss } from './theme.ts';
