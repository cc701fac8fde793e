/** The revocations that a node knows, checked at each use of a remembered session. */
import { rememberedSeconds } from './fragment.ts';

export interface Revocation {
  readonly kind: string;
  readonly target: string;
  /** For a user: earlier epochs are revoked. */
  readonly epoch: number | null;
  readonly expiresAt: Date;
}

/** The subject of a check: a session with its user and epoch, and the key that signed its token. */
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

/** Revocations by kind and target. Adding is idempotent and commutative. */
export class RevocationSet {
  readonly #kinds = new Map<string, Map<string, Known>>();

  /** Adds a revocation at `learntMs` of the monotonic clock. */
  add(revocation: Revocation, learntMs: number): void {
    const known = this.#kinds.get(revocation.kind) ?? new Map<string, Known>();
    this.#kinds.set(revocation.kind, known);
    const before = known.get(revocation.target);
    const hasNoEpoch = revocation.epoch === null || before?.epoch === null;
    known.set(revocation.target, {
      epoch: hasNoEpoch ? null : Math.max(before?.epoch ?? 0, revocation.epoch ?? 0),
      expiresAtMs: Math.max(before?.expiresAtMs ?? 0, revocation.expiresAt.getTime()),
      learntMs: Math.max(before?.learntMs ?? learntMs, learntMs),
    });
  }

  /** Whether a revocation applies. */
  isRevoked(access: CheckedAccess): boolean {
    if (this.#find('session', access.sessionId) !== undefined) return true;
    if (access.kid !== undefined && this.#find('signing_key', access.kid) !== undefined) return true;
    const user = this.#find('user', access.userId);
    return user !== undefined && access.authEpoch < (user.epoch ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Whether the user's name or language changed since `readMs` of the monotonic clock. Both times are of this node: the
   * change was learnt after its commit, so a read that began later has seen it.
   */
  isProfileChanged(userId: string, readMs: number): boolean {
    const change = this.#find('profile', userId);
    return change !== undefined && readMs <= change.learntMs;
  }

  /**
   * Drops revocations that expired before `now` and were added longer ago than a session can be remembered. The expiry
   * alone is not enough: this node's wall clock may have jumped, or be ahead of the clock that computed it.
   */
  sweep(now: Date, nowMs: number): void {
    const learntBeforeMs = nowMs - rememberedSeconds * 1000;
    for (const known of this.#kinds.values()) {
      for (const [target, { expiresAtMs, learntMs }] of known) {
        if (expiresAtMs < now.getTime() && learntMs < learntBeforeMs) known.delete(target);
      }
    }
  }

  /**
   * After the database was restored, drops everything but the revoked sessions: their ids are never assigned again, while
   * a restored user has an earlier epoch, and a restored key is valid again.
   */
  forgetEpochs(): void {
    for (const kind of this.#kinds.keys()) if (kind !== 'session') this.#kinds.delete(kind);
  }

  /** Called two or three times per session check, so it does not concatenate a key. */
  #find(kind: string, target: string): Known | undefined {
    return this.#kinds.get(kind)?.get(target);
  }

  get size(): number {
    return [...this.#kinds.values()].reduce((total, known) => total + known.size, 0);
  }
}
