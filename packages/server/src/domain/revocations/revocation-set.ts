/** What a node knows to have ended: a pure set, asked at each use of a remembered session. */
import { rememberedSeconds } from './fragment.ts';

/** One ending, as the feed reads it. */
export interface Revocation {
  readonly kind: string;
  readonly target: string;
  /** For a user: what is of an earlier epoch has ended. */
  readonly epoch: number | null;
  readonly expiresAt: Date;
}

/** What must be asked about: a session, whose it is, in which epoch it was made, and by which key its token was signed. */
export interface CheckedAccess {
  readonly sessionId: string;
  readonly userId: string;
  readonly authEpoch: number;
  readonly kid: string | undefined;
}

interface Known {
  readonly epoch: number | null;
  readonly expiresAtMs: number;
  readonly learntMs: number;
}

/** Revocations by kind and target; adding one twice, or several in any order, gives the same set. */
export class RevocationSet {
  readonly #kinds = new Map<string, Map<string, Known>>();

  /** Learns of an ending at `learntMs` of the monotonic clock. */
  add(ending: Revocation, learntMs: number): void {
    const known = this.#kinds.get(ending.kind) ?? new Map<string, Known>();
    this.#kinds.set(ending.kind, known);
    const before = known.get(ending.target);
    const hasNoEpoch = ending.epoch === null || before?.epoch === null;
    known.set(ending.target, {
      epoch: hasNoEpoch ? null : Math.max(before?.epoch ?? 0, ending.epoch ?? 0),
      expiresAtMs: Math.max(before?.expiresAtMs ?? 0, ending.expiresAt.getTime()),
      learntMs: Math.max(before?.learntMs ?? learntMs, learntMs),
    });
  }

  /** Whether anything that ended takes this with it. */
  hasEnded(thing: CheckedAccess): boolean {
    if (this.#find('session', thing.sessionId) !== undefined) return true;
    if (thing.kid !== undefined && this.#find('signing_key', thing.kid) !== undefined) return true;
    const user = this.#find('user', thing.userId);
    return user !== undefined && thing.authEpoch < (user.epoch ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Forgets what expired before `now` and was learnt longer ago than a session may be remembered.
   * Expiry alone would not do: this node's wall clock may have jumped, or be ahead of the one that wrote the expiry.
   */
  sweep(now: Date, nowMs: number): void {
    const learntBeforeMs = nowMs - rememberedSeconds * 1000;
    for (const known of this.#kinds.values()) {
      for (const [target, { expiresAtMs, learntMs }] of known) {
        if (expiresAtMs < now.getTime() && learntMs < learntBeforeMs) known.delete(target);
      }
    }
  }

  /** Asked twice or three times in each session check, so it joins no texts. */
  #find(kind: string, target: string): Known | undefined {
    return this.#kinds.get(kind)?.get(target);
  }

  get size(): number {
    return [...this.#kinds.values()].reduce((total, known) => total + known.size, 0);
  }
}
