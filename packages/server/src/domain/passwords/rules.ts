/** Validation of new passwords: the profile's policy, the blocklists and the breach check. */
import { type FieldError, Problem } from '#kernel/problem.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { type Catalogues, pageWords } from '#platform/i18n/index.ts';
import type { AcceptedPassword } from './accepted-password.ts';
import type { Adviser } from './advice.ts';
import type { BreachedPasswords } from './breached/breached-passwords.ts';
import { isCommonPassword } from './common-passwords.ts';
import { wordsOf } from './context-words.ts';
import { normalizePassword } from './input.ts';
import { checkLength, checkPassword, limitsOf, type PasswordPolicy, type PasswordReason } from './policy.ts';

/** A password that a user wants to set. */
export interface ProposedPassword {
  /** As typed, not normalized. */
  readonly password: string;
  /** JSON Pointer to the password in the request, such as `/password`. */
  readonly field: string;
  /** Texts about the user that are not in the database yet, such as the name and address of a registration. */
  readonly about?: readonly string[];
  /** Languages for the messages, in order of preference. */
  readonly languages: readonly (string | undefined)[];
}

interface Dependencies {
  readonly policy: PasswordPolicy;
  readonly database: Database;
  readonly catalogues: Catalogues;
  readonly breached: BreachedPasswords;
  readonly adviser: Adviser;
  /** Texts about the service; a password must not consist of their words. */
  readonly aboutService: readonly string[];
}

const findAbout = statement('passwords.find_about', {
  lane: 'read',
  sql: `select u.name, coalesce(string_agg(i.canonical, ' '), '') as addresses
    from users u left join identifiers i on i.user_id = u.id where u.id = :userId group by u.name`,
  params: { userId: 'uuid' },
  columns: { name: 'text', addresses: 'text' },
});

/** Reasons that the strength estimator can explain further; the messages of the others are complete. */
const advisable: readonly PasswordReason[] = ['too_common', 'too_simple', 'contains_context', 'too_weak', 'breached'];

/** Accepts or rejects new passwords. */
export class PasswordRules {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  get policy(): PasswordPolicy & { readonly breachCheck: boolean } {
    return { ...this.#deps.policy, breachCheck: this.#deps.breached.isConfigured };
  }

  /** Returns the reason to reject the length, if any; cheap enough for a form that is rejected for another field. */
  checkLength(password: string): 'too_short' | 'too_long' | undefined {
    const normalized = normalizePassword(password);
    return normalized === undefined ? 'too_long' : checkLength(this.#deps.policy, normalized);
  }

  /**
   * Returns the password in NFC if it is acceptable. The result does not depend on whether an account exists.
   * Must be called before hashing and outside of transactions, because it may send a request to the breach service.
   *
   * @throws Problem `validation_failed` with a message for each reason; also what `BreachedPasswords.has` throws.
   */
  async accept(proposed: ProposedPassword): Promise<AcceptedPassword> {
    const { policy, breached } = this.#deps;
    const password = normalizePassword(proposed.password);
    if (password === undefined) return this.#reject(proposed, [], ['too_long']);
    const contextWords = wordsOf([...this.#deps.aboutService, ...(proposed.about ?? [])]);
    const reasons = checkPassword(policy, password, { contextWords, isCommon: isCommonPassword });
    // Last, so that the service receives no part of a password that is rejected anyway.
    if (reasons.length === 0 && (await breached.has(password))) reasons.push('breached');
    if (reasons.length > 0) return this.#reject({ ...proposed, password }, contextWords, reasons);
    return password as AcceptedPassword;
  }

  /** As `accept`, with the name and addresses of an existing user added to `about`. */
  async acceptFor(userId: string, proposed: ProposedPassword): Promise<AcceptedPassword> {
    const found = await this.#deps.database.row(findAbout, { userId });
    const aboutUser = found === undefined ? [] : [found.name, ...found.addresses.split(' ')];
    return this.accept({ ...proposed, about: [...(proposed.about ?? []), ...aboutUser] });
  }

  async #reject(
    { password, field, languages }: ProposedPassword,
    contextWords: readonly string[],
    reasons: readonly PasswordReason[],
  ): Promise<never> {
    const { policy, catalogues, adviser } = this.#deps;
    const words = pageWords(catalogues, ...languages);
    const isAdvised = reasons.some((reason) => advisable.includes(reason));
    const advice = isAdvised ? await adviser.advise(password, contextWords) : undefined;
    const errors = reasons.map((reason): FieldError => {
      const messages = [words.say(`password.${reason}`, limitsOf(policy))];
      if (advisable.includes(reason)) {
        if (advice !== undefined) messages.push(words.say(`password.advice.${advice}`));
        messages.push(words.say('password.advice.add_words'));
      }
      return { path: field, code: reason, message: messages.join(' ') };
    });
    throw new Problem('validation_failed', { errors });
  }
}

/** The message for a form when `accept` rejected the password; undefined for any other error. */
export function passwordComplaint(error: unknown): string | undefined {
  if (!(error instanceof Problem) || error.code !== 'validation_failed') return undefined;
  return error.errors.map(({ message }) => message).join(' ');
}
