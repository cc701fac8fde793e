import { type Measurement, type Row, verdictOf } from './row.ts';

const widths = [34, 18, 18, 9, 8, 8, 16] as const;
const heads = ['operation', 'Latchkey', 'reference', 'value', 'floor', 'aim', 'verdict'] as const;

export function tableHead(): string {
  return `${line(heads)}\n${widths.map((width) => '─'.repeat(width)).join(' ')}`;
}

export function tableLine(row: Row, measurement: Measurement): string {
  const verdict = { aim: 'aim reached', floor: 'floor reached', missed: 'BELOW ITS FLOOR' };
  const kind = verdictOf(row, measurement);
  return line([
    row.operation,
    measurement.latchkey,
    measurement.reference,
    format(measurement.value, row.unit),
    row.floor === undefined ? '' : format(row.floor, row.unit),
    row.aim === undefined ? '' : format(row.aim, row.unit),
    kind === 'for information' ? kind : verdict[kind],
  ]);
}

function format(value: number, unit: Row['unit']): string {
  if (unit === '×') return value.toFixed(2);
  return unit === 's' ? `${value.toFixed(2)} s` : `${value.toFixed(unit === 'ms' ? 1 : 0)} ${unit}`;
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd();
}
