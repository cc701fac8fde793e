/** Which traces are recorded. It is decided before a span exists: the SDK spends 2 µs on each span that it drops. */
import { randomInt } from 'node:crypto';

export type SamplerName =
  | 'always_on'
  | 'always_off'
  | 'traceidratio'
  | 'parentbased_always_on'
  | 'parentbased_always_off'
  | 'parentbased_traceidratio';

export interface SamplingOptions {
  /** Undefined: a tenth of the frequent operations, all others, and those of a sampled caller. */
  readonly sampler: SamplerName | undefined;
  /** For the samplers `…traceidratio`. */
  readonly ratio: number;
  /** Operations that most requests are, such as the check of a session. */
  readonly frequent: ReadonlySet<string>;
  /** A number from 0 to below 1. */
  readonly chance?: () => number;
}

const ratioOfFrequent = 0.1;
const steps = 2 ** 32;

export class Sampling {
  readonly #options: SamplingOptions;
  readonly #chance: () => number;

  constructor(options: SamplingOptions) {
    this.#options = options;
    this.#chance = options.chance ?? (() => randomInt(steps) / steps);
  }

  /** @param parent the decision of a caller that is trusted; undefined without one. */
  isSampled(operation: string, parent: { readonly isSampled: boolean } | undefined): boolean {
    const { sampler } = this.#options;
    if (parent !== undefined && (sampler === undefined || sampler.startsWith('parentbased_'))) return parent.isSampled;
    const ratio = this.#ratioOf(operation);
    return ratio >= 1 || (ratio > 0 && this.#chance() < ratio);
  }

  #ratioOf(operation: string): number {
    const { sampler, ratio, frequent } = this.#options;
    if (sampler === undefined) return frequent.has(operation) ? ratioOfFrequent : 1;
    if (sampler.endsWith('always_on')) return 1;
    return sampler.endsWith('always_off') ? 0 : ratio;
  }
}
