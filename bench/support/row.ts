/** A row of the table: what is measured, and what it must be. */
import type { Lab } from './lab.ts';
import type { Comparison } from './windows.ts';

/** What a row found, in the row's own words and as the one value that floor and aim are about. */
export interface Finding {
  readonly ours: string;
  readonly reference: string;
  /** A ratio, seconds, milliseconds or megabytes: the unit of the row. */
  readonly value: number;
}

/** One row. */
export interface Row {
  /** What the command line calls it. */
  readonly name: string;
  readonly operation: string;
  readonly unit: '×' | 's' | 'ms' | 'MB';
  /** Whether the value must be above or below floor and aim. */
  readonly better: 'larger' | 'smaller';
  /** Without one the row only informs. */
  readonly floor: number | undefined;
  readonly aim: number | undefined;
  readonly measure: (lab: Lab) => Promise<Finding>;
}

/** How a value stands to its floor and its aim. */
export function verdictOf(
  { floor, aim, better }: Row,
  { value }: Finding,
): 'aim' | 'floor' | 'missed' | 'for information' {
  if (floor === undefined || aim === undefined) return 'for information';
  const reaches = (bound: number) => (better === 'larger' ? value >= bound : value <= bound);
  if (reaches(aim)) return 'aim';
  return reaches(floor) ? 'floor' : 'missed';
}

/** What rows against pgbench have in common: requests a second on either side. */
export const againstPgbench = {
  unit: '×',
  better: 'larger',
  floor: 0.8,
  aim: 1,
  toFinding: ({ ours, reference, ratio }: Comparison): Finding => ({
    ours: `${ours.toFixed(0)} /s`,
    reference: `${reference.toFixed(0)} /s`,
    value: ratio,
  }),
} as const;
