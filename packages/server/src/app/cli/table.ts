import { oneLine } from '#protocol/untrusted-text/index.ts';

/** Formats rows as text, each column padded to its widest cell. No cell moves the cursor of a terminal or breaks the line. */
export function inColumns(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(oneLine));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}
