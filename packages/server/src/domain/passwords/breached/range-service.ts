/** The client of a range service with the protocol of Have I Been Pwned (`api.pwnedpasswords.com/range/`). */

import { hash } from 'node:crypto';
import { withoutTrailing } from '#kernel/without-trailing.ts';
import type { Outbound } from '#platform/outbound/index.ts';

export interface RangeServiceSettings {
  /** The URL without the five digits, which are appended as the last path segment. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly allowPrivate: boolean;
}

/** The outcome of a query; `failed` gives the reason and, for an unexpected one, the HTTP status. */
export type RangeResult =
  | { readonly kind: 'breached' | 'not_breached' }
  | { readonly kind: 'failed'; readonly why: string; readonly status?: number };

const prefixDigits = 5;

/** A response has about 1,000 lines, 2,000 with padding; `Outbound` accepts only 64 KB by default. */
const maxBodyBytes = 262_144;

const resultLine = /^([0-9A-F]{35}):(\d{1,12})$/i;

/**
 * Sends the first five hexadecimal digits of the password's SHA-1, which one in a million passwords share, and compares
 * the returned suffixes locally. The requested padding hides the digits from an observer of the response's length.
 */
export async function queryRangeService(
  outbound: Outbound,
  { url, timeoutMs, allowPrivate }: RangeServiceSettings,
  password: string,
): Promise<RangeResult> {
  const digits = hash('sha1', password).toUpperCase();
  const response = await outbound.request({
    purpose: 'breached_passwords',
    url: `${withoutTrailing(url, '/')}/${digits.slice(0, prefixDigits)}`,
    policy: { allowPrivate },
    method: 'GET',
    headers: { 'add-padding': 'true', accept: 'text/plain' },
    timeoutMs,
    maxBodyBytes,
  });
  if (response.kind !== 'answered') return { kind: 'failed', why: response.reason };
  if (response.status !== 200) return { kind: 'failed', why: 'status', status: response.status };
  return parse(response.body.toString('latin1'), digits.slice(prefixDigits));
}

/** One malformed line makes the whole response fail: a proxy's error page must not accept a password. */
function parse(body: string, suffix: string): RangeResult {
  const lines = body.split(/\r?\n/).filter((line) => line !== '');
  const parsed = lines.map((line) => resultLine.exec(line));
  if (parsed.includes(null) || lines.length === 0) return { kind: 'failed', why: 'malformed_answer' };
  // The service adds padding lines with a count of 0.
  const found = parsed.some((line) => line?.[1]?.toUpperCase() === suffix && Number(line[2]) > 0);
  return { kind: found ? 'breached' : 'not_breached' };
}
