/** So many uses in so much time. */
export interface Quota {
  /** As the header `RateLimit-Policy` names it. */
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** One use of one quota by somebody. */
export interface Charge {
  readonly quota: Quota;
  /** Whose use it is, such as an address; each quota counts its own keys. */
  readonly key: string;
}

/** The one name of a counter. A quota's name has no space in it. */
export function nameOf({ quota, key }: Charge): string {
  return `${quota.name} ${key}`;
}

/** How a quota stands for one key. A window begins with its first use and ends as a whole. */
export interface Standing {
  readonly hits: number;
  /** Milliseconds since the epoch. */
  readonly endsAtMs: number;
}

/** What one process adds to a counter of all. */
export interface Addition {
  /** As `nameOf` gives it. */
  readonly name: string;
  readonly hits: number;
  /** When the window ends as far as the process knows, in milliseconds since the epoch. */
  readonly endsAtMs: number;
}

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const form = /^([1-9]\d{0,8})\/([1-9]\d{0,5})?([smhd])$/;

/** Reads `100/15m`: a hundred in a quarter of an hour. Null when the text is no quota. */
export function parseQuota(name: string, text: string): Quota | null {
  const [, limit, count = '1', unit] = form.exec(text) ?? [];
  if (limit === undefined || unit === undefined) return null;
  const windowSeconds = Number(count) * seconds[unit as keyof typeof seconds];
  return { name, limit: Number(limit), windowSeconds };
}
