/** At most `limit` uses per window. */
export interface Quota {
  /** The name in the header fields `RateLimit-Policy` and `RateLimit`; without a space. */
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** The subject of uses of one quota. */
export interface Charge {
  readonly quota: Quota;
  /** Such as an address. Each quota counts its keys separately. */
  readonly key: string;
  /** The rest of a window that has already begun in the process; the whole window by default. */
  readonly restMs?: number;
}

/** The unique name of a counter. */
export function nameOf({ quota, key }: Charge): string {
  return `${quota.name} ${key}`;
}

/** The length of a window that begins now. */
export function windowMsOf({ quota }: Charge): number {
  return quota.windowSeconds * 1000;
}
