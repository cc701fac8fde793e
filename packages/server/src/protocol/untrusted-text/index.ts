/**
 * Untrusted text (invariant 21): one way in, `acceptText`, and one way out, `displayName` for names that other people read and
 * `oneLine` for everything else. HTML is escaped besides (`platform/html`).
 * Example: `acceptText('Ada\u202e', 200)` is rejected as `forbidden_character`; `displayName('Win at evil.example')` is null.
 */
export { displayName } from './display-name.ts';
export { acceptText, escapeUnprintable, oneLine, type TextProblem, type TextResult } from './untrusted-text.ts';
