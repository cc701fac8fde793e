/** Asking a range service whether a password was in a breach. */
import { hash } from 'node:crypto';
import type { Outbound } from '#platform/outbound/index.ts';

/** Where the service is. */
export interface RangeServiceSettings {
  /** The part of the path that stands before the five digits. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly allowPrivate: boolean;
}

/** `unanswered`: why nobody knows. */
export type RangeAnswer =
  | { readonly kind: 'breached' | 'unknown_password' }
  | { readonly kind: 'unanswered'; readonly why: string; readonly status?: number };

const prefixDigits = 5;

// About 1,000 lines, or 2,000 where the service pads with much; ours is 64 KB at most otherwise.
const maxBodyBytes = 262_144;

const answerLine = /^([0-9A-F]{35}):(\d{1,12})$/i;

/**
 * The first five digits of the SHA-1 leave this machine, which fit one in a million passwords, and the comparison happens
 * here (the range protocol of Have I Been Pwned, `api.pwnedpasswords.com/range/`). The padding hides from whoever sees
 * only the length of the answer which five they were.
 */
export async function queryRangeService(
  outbound: Outbound,
  { url, timeoutMs, allowPrivate }: RangeServiceSettings,
  password: string,
): Promise<RangeAnswer> {
  const digits = hash('sha1', password).toUpperCase();
  const answer = await outbound.ask({
    purpose: 'breached_passwords',
    url: `${url.replace(/\/+$/, '')}/${digits.slice(0, prefixDigits)}`,
    policy: { allowPrivate },
    method: 'GET',
    headers: { 'add-padding': 'true', accept: 'text/plain' },
    timeoutMs,
    maxBodyBytes,
  });
  if (answer.kind !== 'answered') return { kind: 'unanswered', why: answer.reason };
  if (answer.status !== 200) return { kind: 'unanswered', why: 'status', status: answer.status };
  return read(answer.body.toString('latin1'), digits.slice(prefixDigits));
}

/** One line that is none of the protocol's makes the whole answer none: a proxy's page must not clear a password. */
function read(body: string, suffix: string): RangeAnswer {
  const lines = body.split(/\r?\n/).filter((line) => line !== '');
  const parsed = lines.map((line) => answerLine.exec(line));
  if (parsed.includes(null) || lines.length === 0) return { kind: 'unanswered', why: 'malformed_answer' };
  // A count of 0 is padding.
  const found = parsed.some((line) => line?.[1]?.toUpperCase() === suffix && Number(line[2]) > 0);
  return { kind: found ? 'breached' : 'unknown_password' };
}
