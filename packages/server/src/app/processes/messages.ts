/** Messages between the parent of `serve --processes` and the serving processes, which run the same program. */
import type { ReadinessResult } from '#flows/probes/index.ts';
import type { MetricSnapshot } from '#platform/telemetry/index.ts';

/** The part of the deployment's settings that differs for a process of several; its command-line argument, as JSON. */
export interface Share {
  readonly port: number;
  readonly hashConcurrency: number;
  readonly jobs: boolean;
}

export type Question = { readonly kind: 'ask'; readonly id: number; readonly ask: keyof Answers };

export type ToProcess =
  | Question
  /** Read the secrets again. A message and not SIGHUP, which would end a process that has just been forked. */
  | { readonly kind: 'reload' };

export interface Answers {
  readonly readiness: ReadinessResult;
  readonly metrics: readonly MetricSnapshot[];
}

export type FromProcess =
  | { readonly kind: 'ready' }
  /** The start failed, with this sentence for the operator. */
  | { readonly kind: 'failed'; readonly sentence: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] };
