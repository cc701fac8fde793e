/** A row of the table: its measurement and its bounds. */
import type { Lab } from './lab.ts';
import type { Comparison } from './windows.ts';

/** A measurement as shown, and as the one value that floor and aim apply to. */
export interface Measurement {
  readonly latchkey: string;
  readonly reference: string;
  /** A ratio, seconds, milliseconds or megabytes, depending on the unit of the row. */
  readonly value: number;
}

export interface Row {
  /** The name on the command line. */
  readonly name: string;
  readonly operation: string;
  readonly unit: '×' | 's' | 'ms' | 'MB';
  /** Whether the value must be above or below floor and aim. */
  readonly better: 'larger' | 'smaller';
  /** Without a floor the row is informative only. */
  readonly floor: number | undefined;
  readonly aim: number | undefined;
  readonly measure: (lab: Lab) => Promise<Measurement>;
}

/** Compares a value with floor and aim. */
export function verdictOf(
  { floor, aim, better }: Row,
  { value }: Measurement,
): 'aim' | 'floor' | 'missed' | 'for information' {
  if (floor === undefined || aim === undefined) return 'for information';
  const meets = (bound: number) => (better === 'larger' ? value >= bound : value <= bound);
  if (meets(aim)) return 'aim';
  return meets(floor) ? 'floor' : 'missed';
}

/** Shared by the rows compared with pgbench: requests per second on both sides. */
export const againstPgbench = {
  unit: '×',
  better: 'larger',
  floor: 0.8,
  aim: 1,
  toFinding: ({ latchkey, reference, ratio }: Comparison): Measurement => ({
    latchkey: `${latchkey.toFixed(0)} /s`,
    reference: `${reference.toFixed(0)} /s`,
    value: ratio,
  }),
} as const;
