/** At most `limit` uses per window. */
export interface Quota {
  /** The name in the header fields `RateLimit-Policy` and `RateLimit`; without a space. */
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** One use of one quota. */
export interface Charge {
  readonly quota: Quota;
  /** The subject of the use, such as an address. Each quota counts its keys separately. */
  readonly key: string;
}

/** The unique name of a counter. */
export function nameOf({ quota, key }: Charge): string {
  return `${quota.name} ${key}`;
}

/** The current window of one key. */
export interface WindowState {
  readonly hits: number;
  /** Milliseconds since the epoch. */
  readonly endsAtMs: number;
}

/** Counts that a process adds to a shared counter. */
export interface Addition {
  /** From `nameOf`. */
  readonly name: string;
  readonly hits: number;
  /** The end of the process's own window, in milliseconds since the epoch. */
  readonly endsAtMs: number;
}
