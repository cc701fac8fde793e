/** The table in the terminal. */
import { type Finding, type Row, verdictOf } from './row.ts';

const widths = [34, 18, 18, 9, 8, 8, 16] as const;
const heads = ['operation', 'ours', 'reference', 'value', 'floor', 'aim', 'verdict'] as const;

/** The first lines. */
export function tableHead(): string {
  return `${line(heads)}\n${widths.map((width) => '─'.repeat(width)).join(' ')}`;
}

/** One row's line. */
export function tableLine(row: Row, finding: Finding): string {
  const verdict = { aim: 'aim reached', floor: 'floor reached', missed: 'BELOW ITS FLOOR' };
  const said = verdictOf(row, finding);
  return line([
    row.operation,
    finding.ours,
    finding.reference,
    written(finding.value, row.unit),
    row.floor === undefined ? '' : written(row.floor, row.unit),
    row.aim === undefined ? '' : written(row.aim, row.unit),
    said === 'for information' ? said : verdict[said],
  ]);
}

function written(value: number, unit: Row['unit']): string {
  if (unit === '×') return value.toFixed(2);
  return unit === 's' ? `${value.toFixed(2)} s` : `${value.toFixed(unit === 'ms' ? 1 : 0)} ${unit}`;
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd();
}
