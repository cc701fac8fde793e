/** Quotas of settings: `100/15m` is 100 uses per 15 minutes, `5/h` is 5 per hour. */
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';

export interface QuotaRule {
  readonly limit: number;
  readonly windowSeconds: number;
}

const secondsOf = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const form = /^([1-9]\d{0,8})\/([1-9]\d{0,5})?([smhd])$/;

export function parseQuota(text: string): Parsed<QuotaRule> {
  const [, limit, count = '1', unit] = form.exec(text) ?? [];
  if (limit === undefined || unit === undefined) return unparsable('it has another form');
  return parsed({ limit: Number(limit), windowSeconds: Number(count) * secondsOf[unit as keyof typeof secondsOf] });
}

/** The text of a quota, in the largest unit that divides its window. */
export function formatQuota({ limit, windowSeconds }: QuotaRule): string {
  const [unit, seconds] = Object.entries(secondsOf).findLast(([, each]) => windowSeconds % each === 0) ?? ['s', 1];
  return `${limit}/${windowSeconds / seconds}${unit}`;
}
