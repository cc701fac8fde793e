/** What a node knows to have ended: a pure set, asked at each use of a remembered session. */

/** One ending, as the feed reads it. */
export interface Ending {
  readonly id: number;
  readonly kind: string;
  readonly target: string;
  /** For a user: what is of an earlier epoch has ended. */
  readonly epoch: number | null;
  readonly expiresAt: Date;
}

/** What must be asked about: a session, whose it is, in which epoch it was made, and by which key its token was signed. */
export interface LiveThing {
  readonly sessionId: string;
  readonly userId: string;
  readonly authEpoch: number;
  readonly kid: string | undefined;
}

interface Known {
  epoch: number | null;
  expiresAtMs: number;
}

/** Endings by kind and target; adding one twice changes nothing. */
export class EndingSet {
  readonly #known = new Map<string, Known>();

  add(ending: Ending): void {
    const key = `${ending.kind}:${ending.target}`;
    const before = this.#known.get(key);
    const epoch = Math.max(before?.epoch ?? 0, ending.epoch ?? 0);
    const expiresAtMs = Math.max(before?.expiresAtMs ?? 0, ending.expiresAt.getTime());
    this.#known.set(key, { epoch: ending.epoch === null ? null : epoch, expiresAtMs });
  }

  /** Whether anything that ended takes this with it. */
  hasEnded(thing: LiveThing): boolean {
    if (this.#known.has(`session:${thing.sessionId}`)) return true;
    if (thing.kid !== undefined && this.#known.has(`signing_key:${thing.kid}`)) return true;
    const user = this.#known.get(`user:${thing.userId}`);
    return user !== undefined && thing.authEpoch < (user.epoch ?? Number.POSITIVE_INFINITY);
  }

  /** Forgets what expired before `now`: nothing that it concerns can still be presented or remembered. */
  sweep(now: Date): void {
    for (const [key, known] of this.#known) if (known.expiresAtMs < now.getTime()) this.#known.delete(key);
  }

  get size(): number {
    return this.#known.size;
  }
}
