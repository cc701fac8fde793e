/** The one place that a new password passes. */

import { type FieldError, Problem } from '#kernel/problem.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { type Catalogues, pageWords } from '#platform/i18n/index.ts';
import type { AcceptedPassword } from './accepted.ts';
import type { Adviser } from './advice.ts';
import type { BreachedPasswords } from './breached/breached-passwords.ts';
import { isCommonPassword } from './common-passwords.ts';
import { wordsOf } from './context-words.ts';
import { normalizePassword } from './input.ts';
import { judgeLength, judgePassword, limitsOf, type PasswordPolicy, type PasswordReason } from './policy.ts';

/** A password that somebody wants to have. */
export interface Candidate {
  /** As it was typed. */
  readonly password: string;
  /** Where it stood in the request, as a JSON Pointer: `/password`. */
  readonly field: string;
  /** What is known of the person from elsewhere than the database: a name, an address. */
  readonly about?: readonly string[];
  /** The reader's, the most wanted first. */
  readonly languages: readonly (string | undefined)[];
}

interface Dependencies {
  readonly policy: PasswordPolicy;
  readonly database: Database;
  readonly catalogues: Catalogues;
  readonly breached: BreachedPasswords;
  readonly adviser: Adviser;
  /** Texts whose words nobody should build a password of, whoever they are. */
  readonly aboutService: readonly string[];
}

const findAbout = statement('passwords.find_about', {
  lane: 'read',
  sql: `select u.name, coalesce(string_agg(i.canonical, ' '), '') as addresses
    from users u left join identifiers i on i.user_id = u.id where u.id = :userId group by u.name`,
  params: { userId: 'uuid' },
  columns: { name: 'text', addresses: 'text' },
});

/** For these the estimator may know why; the others say it themselves. */
const advised: readonly PasswordReason[] = ['too_common', 'too_simple', 'contains_context', 'too_weak', 'breached'];

/** Says which passwords may be set here. */
export class PasswordRules {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** The profile's numbers, and what else is looked at. */
  get policy(): PasswordPolicy & { readonly breachCheck: boolean } {
    return { ...this.#deps.policy, breachCheck: this.#deps.breached.isConfigured };
  }

  /** What is wrong with the length alone; cheap enough for a form that is rejected for another field. */
  judgeLength(password: string): 'too_short' | 'too_long' | undefined {
    const normalized = normalizePassword(password);
    return normalized === undefined ? 'too_long' : judgeLength(this.#deps.policy, normalized);
  }

  /**
   * The password in NFC, if it may be set by whoever `about` speaks of. Nothing of it depends on who has an account, and
   * it is asked before anything is hashed and outside of every transaction: it may take a request to somebody else.
   *
   * @throws Problem `validation_failed` with a sentence for each reason, in the reader's language; what
   *   `BreachedPasswords.has` throws.
   */
  async accept(candidate: Candidate): Promise<AcceptedPassword> {
    const { policy, breached } = this.#deps;
    const password = normalizePassword(candidate.password);
    if (password === undefined) return this.#refuse(candidate, [], ['too_long']);
    const contextWords = wordsOf([...this.#deps.aboutService, ...(candidate.about ?? [])]);
    const reasons = judgePassword(policy, password, { contextWords, isCommon: isCommonPassword });
    // Asked last: what is refused anyway is nobody else's business.
    if (reasons.length === 0 && (await breached.has(password))) reasons.push('breached');
    if (reasons.length > 0) return this.#refuse({ ...candidate, password }, contextWords, reasons);
    return password as AcceptedPassword;
  }

  /** The same for a user, whose name and addresses are read first. Of nobody there is nothing to know. */
  async acceptFor(userId: string, candidate: Candidate): Promise<AcceptedPassword> {
    const found = await this.#deps.database.row(findAbout, { userId });
    const known = found === undefined ? [] : [found.name, ...found.addresses.split(' ')];
    return this.accept({ ...candidate, about: [...(candidate.about ?? []), ...known] });
  }

  async #refuse(
    { password, field, languages }: Candidate,
    contextWords: readonly string[],
    reasons: readonly PasswordReason[],
  ): Promise<never> {
    const { policy, catalogues, adviser } = this.#deps;
    const words = pageWords(catalogues, ...languages);
    const isAdvised = reasons.some((reason) => advised.includes(reason));
    const advice = isAdvised ? await adviser.advise(password, contextWords) : undefined;
    const errors = reasons.map((reason): FieldError => {
      const sentences = [words.say(`password.${reason}`, limitsOf(policy))];
      if (advised.includes(reason)) {
        if (advice !== undefined) sentences.push(words.say(`password.advice.${advice}`));
        sentences.push(words.say('password.advice.add_words'));
      }
      return { path: field, code: reason, message: sentences.join(' ') };
    });
    throw new Problem('validation_failed', { errors });
  }
}

/** What a form says when `accept` refused its password; undefined when the error is about anything else. */
export function passwordComplaint(error: unknown): string | undefined {
  if (!(error instanceof Problem) || error.code !== 'validation_failed') return undefined;
  return error.errors.map(({ message }) => message).join(' ');
}
