/** Series of alert cases, in promtool's notation. */

/** Series in promtool's notation: name and labels, and the sample of each interval. */
export type Series = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly alert: string;
  /** Distance of samples and of evaluations in minutes. */
  readonly everyMinutes: number;
  /** The minute of the evaluation. */
  readonly minute: number;
  readonly fires: {
    readonly series: Series;
    readonly labels?: Readonly<Record<string, string>>;
    readonly summary: string;
  };
  /** Just below the limit, or another condition of the alert that is not met. */
  readonly quiet: Series;
}

/** A counter that rises by `step` at each interval. */
export const counter = (step: number) => `0+${step}x400`;
export const gauge = (value: number) => `${value}+0x400`;

export const node = 'job="latchkey",instance="a:5626"';
export const onNode = { instance: 'a:5626' };
