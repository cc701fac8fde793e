/** The output of commands: stored texts cannot control the terminal (invariant 21). */
import { escapeUnprintable, oneLine } from '#protocol/untrusted-text/index.ts';

/** The lines of a text. The command puts each stored text on one line with `inColumns`. */
export function printable(text: string): string {
  return text.split('\n').map(oneLine).join('\n');
}

/** JSON of the same value, with characters that a terminal would execute or hide as escapes. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).split('\n').map(escapeUnprintable).join('\n');
}
