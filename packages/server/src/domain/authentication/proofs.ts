/**
 * The kinds of proof that a login accepts. A login method is one row of `proofKinds`; without its row it does not compile.
 *
 * | by            | factor            | factor time     | consumed in       | resets                    | refusal             |
 * |---------------|-------------------|-----------------|-------------------|---------------------------|---------------------|
 * | password      | knowledge, `pwd`  | `pwd`           | –                 | password (by device)      | invalid_credentials |
 * | magic_link    | knowledge, `otp`  | `email`         | `one_time_tokens` | email_code                | invalid_token       |
 * | email_code    | knowledge, `otp`  | `email`         | `one_time_tokens` | email_code                | invalid_code        |
 * | totp          | possession, `otp` | `totp`          | `totp_secrets`    | second_factor (by device) | invalid_code        |
 * | recovery_code | possession, `otp` | `recovery_code` | `recovery_codes`  | second_factor (by device) | invalid_code        |
 * | setup_link    | knowledge, `otp`  | `email`         | `one_time_tokens` | mailbox_code              | invalid_token       |
 * | mailbox_code  | knowledge, `otp`  | `email`         | `one_time_tokens` | mailbox_code              | invalid_code        |
 * | passkey       | possession        | `passkey`       | `used_nonces`     | –                         | invalid_passkey     |
 * | identity_provider | knowledge, `fed` | `identity_provider` | `provider_logins` or `used_nonces` | – | invalid_provider_login |
 *
 * A passkey is `swk` when it can be synced to other devices, else `hwk`. One that verified the user is two factors by itself
 * and can begin a login. A provider is knowledge, because a password opens the account there: a password and a provider are one
 * factor. It is two factors only where the provider asserts them and its setting trusts that.
 */
import type { AttemptKind } from '#domain/attempts/index.ts';
import { consumeIdentity, type IdentityUse } from '#domain/federated-identities/index.ts';
import { consume, consumeCode } from '#domain/one-time-tokens/index.ts';
import { type AssertedPasskey, type AssertionUse, consumeAssertion } from '#domain/passkeys/index.ts';
import { useRecoveryCode } from '#domain/recovery-codes/index.ts';
import type { ActingSession, RenewedContext } from '#domain/session-issuance/index.ts';
import { useTotpStep } from '#domain/totp/index.ts';
import type { ProblemCode } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import type { Candidate } from './candidate.ts';
import { type Factor, type LoginStep, mailboxFactorTime, type ProvenFactor, provesTwoFactors } from './next-step.ts';

/** The password under today's parameters (null: they are unchanged), and the stored bytes that the old hash came from. */
export interface Rehash {
  readonly sealed: Buffer | null;
  readonly of: Buffer;
}

interface Proofs {
  /** A right password. The statement that counted the attempt also read the candidate. */
  readonly password: {
    readonly candidate: Candidate;
    /** The use of the rate limit, which the statement that writes the session refunds. */
    readonly quota: Pick<QuotaReservation, 'refundParams'>;
    /** Called once, before the session is written and outside any transaction, since it may compute a hash. */
    readonly rehash: () => Promise<Rehash>;
  };
  /** A mailed link, presented by the browser that requested it. */
  readonly magic_link: { readonly userId: string; readonly text: string; readonly browserHash: Buffer };
  /** A mailed code that matched, typed in the browser that requested it. */
  readonly email_code: { readonly userId: string; readonly hash: Buffer; readonly browserHash: Buffer };
  /** A code of an authenticator app that matched, and the time step that it is of. */
  readonly totp: { readonly userId: string; readonly secretId: string; readonly step: number };
  /** A typed recovery code, which the UPDATE compares. */
  readonly recovery_code: { readonly userId: string; readonly hashes: readonly Buffer[] };
  /** A link that an operator made for an owner, which counts as access to the mailbox. */
  readonly setup_link: { readonly userId: string; readonly text: string };
  /** A mailed code that matched, and the hash of the ticket or session that it is bound to. */
  readonly mailbox_code: { readonly userId: string; readonly hash: Buffer; readonly binding: Buffer };
  /** A verified assertion of a passkey. */
  readonly passkey: { readonly userId: string; readonly passkey: AssertedPasskey };
  /** An identity of the user that its provider has just vouched for. */
  readonly identity_provider: {
    readonly userId: string;
    readonly identityId: string;
    readonly strength: ProviderStrength;
    readonly use: IdentityUse;
  };
}

/** How many factors a provider proves. */
export type ProviderStrength = 'one' | 'two';

/** The name of a kind of proof. */
export type ProofName = keyof Proofs;

/** The second factors. */
export type SecondProofName = 'totp' | 'recovery_code';

/** The proofs that a login cannot begin with: a mailbox code is sent to a user who has proven another factor. */
export type FurtherProofName = SecondProofName | 'mailbox_code';

/** A proof that was compared and is not consumed yet. */
export type Proof<Name extends ProofName = ProofName> = {
  readonly [By in Name]: { readonly by: By } & Proofs[By];
}[Name];

/** The part of a passkey's proof that determines its factor. */
type PasskeyFacts = Pick<AssertedPasskey, 'backupEligible' | 'userVerified'>;

/** How a proof is used; only a passkey reports that it is synced to other devices, or no longer. */
type Use = AssertionUse;

/** One row of the table. */
export interface ProofKind<Name extends ProofName = ProofName> {
  readonly factor: Name extends 'passkey'
    ? (passkey: PasskeyFacts) => Factor
    : Name extends 'identity_provider'
      ? (strength: ProviderStrength) => Factor
      : Factor;
  /** The counter of failed attempts that this proof resets. */
  readonly resets: (candidate: Candidate) => AttemptKind | undefined;
  /** The problem of a wrong, expired or consumed proof, and of a proof whose user was erased. */
  readonly refusal: ProblemCode;
  /** The problem when an operator has disabled the user. Disabling revokes mailed proofs, so these are merely invalid. */
  readonly refusalOfDisabled: ProblemCode;
  /** Consumes the proof in the transaction of its effect (invariant 1). Returns false when it no longer holds. */
  readonly consume: (tx: Queries, proof: Proof<Name>, use: Use) => Promise<boolean>;
}

/**
 * Access to the mailbox is knowledge, because a password opens a mailbox: a password and a mailed secret are one factor
 * (NIST SP 800-63B-4 §3.1.3.1 excludes email as a second one).
 */
const mailbox = { amr: 'otp', kind: 'knowledge', userVerified: false, factorTime: mailboxFactorTime } as const;

const bySecondFactor = {
  resets: ({ deviceId }: Candidate) => (deviceId === undefined ? 'second_factor' : 'second_factor_known_device'),
  refusal: 'invalid_code',
  refusalOfDisabled: 'invalid_ticket',
} as const;

/** The name of passkeys in the session's `factor_times`. */
const passkeyTime = 'passkey';

/** The names of identity providers in the session's `factor_times`, by what they prove. */
const providerTimes = { one: 'identity_provider', two: 'identity_provider_mfa' } as const;

/** The table of proofs. */
export const proofKinds: { readonly [Name in ProofName]: ProofKind<Name> } = {
  password: {
    factor: { amr: 'pwd', kind: 'knowledge', userVerified: false, factorTime: 'pwd' },
    resets: ({ deviceId }) => (deviceId === undefined ? 'password' : 'password_known_device'),
    refusal: 'invalid_credentials',
    refusalOfDisabled: 'account_disabled',
    // A password holds until it is changed. What limits guessing is the counter, raised before the hash.
    consume: async () => true,
  },
  magic_link: {
    factor: mailbox,
    resets: () => 'email_code',
    refusal: 'invalid_token',
    refusalOfDisabled: 'invalid_token',
    consume: async (tx, { text, browserHash }, { now }) =>
      (await consume(tx, 'magic_link', text, now, { browserHash })) !== undefined,
  },
  email_code: {
    factor: mailbox,
    resets: () => 'email_code',
    refusal: 'invalid_code',
    refusalOfDisabled: 'invalid_code',
    consume: async (tx, { hash, browserHash }, { now }) =>
      (await consumeCode(tx, 'email_code', { hash, browserHash }, now)) !== undefined,
  },
  totp: {
    ...bySecondFactor,
    factor: { amr: 'otp', kind: 'possession', userVerified: false, factorTime: 'totp' },
    consume: (tx, proof, { now }) => useTotpStep(tx, proof, now),
  },
  recovery_code: {
    ...bySecondFactor,
    factor: { amr: 'otp', kind: 'possession', userVerified: false, factorTime: 'recovery_code' },
    consume: (tx, proof, { now }) => useRecoveryCode(tx, proof, now),
  },
  passkey: {
    factor: ({ backupEligible, userVerified }) => ({
      amr: backupEligible ? 'swk' : 'hwk',
      kind: 'possession',
      userVerified,
      factorTime: passkeyTime,
    }),
    // An assertion cannot be guessed, so none is counted.
    resets: () => undefined,
    refusal: 'invalid_passkey',
    refusalOfDisabled: 'account_disabled',
    consume: (tx, { passkey }, use) => consumeAssertion(tx, passkey, use),
  },
  identity_provider: {
    factor: (strength) => ({
      amr: 'fed',
      kind: 'knowledge',
      userVerified: strength === 'two',
      factorTime: providerTimes[strength],
    }),
    // The provider counts attempts at its own password.
    resets: () => undefined,
    refusal: 'invalid_provider_login',
    refusalOfDisabled: 'account_disabled',
    consume: (tx, proof, { now }) => consumeIdentity(tx, proof, now),
  },
  setup_link: {
    factor: mailbox,
    resets: () => 'mailbox_code',
    refusal: 'invalid_token',
    refusalOfDisabled: 'invalid_token',
    consume: async (tx, { text }, { now }) => (await consume(tx, 'setup', text, now)) !== undefined,
  },
  mailbox_code: {
    factor: mailbox,
    resets: () => 'mailbox_code',
    refusal: 'invalid_code',
    refusalOfDisabled: 'invalid_ticket',
    consume: async (tx, { hash, binding }, { now }) =>
      (await consumeCode(tx, 'mailbox_code', { hash, browserHash: binding }, now)) !== undefined,
  },
};

/** The part of a proof that determines its factor. */
export type ProofOfFactor =
  | { readonly by: PlainProofName }
  | { readonly by: 'passkey'; readonly passkey: PasskeyFacts }
  | { readonly by: 'identity_provider'; readonly strength: ProviderStrength };

/** The proofs whose factor is always the same. */
export type PlainProofName = Exclude<ProofName, 'passkey' | 'identity_provider'>;

/** A step of a login that is no proof but a change of the user. */
export interface StepTaken {
  readonly by: Extract<LoginStep, 'verify_email' | 'enroll_second_factor' | 'change_password'>;
}

const stepsTaken: readonly string[] = ['verify_email', 'enroll_second_factor', 'change_password'];

function isStepTaken(by: (Proof | StepTaken)['by']): by is StepTaken['by'] {
  return stepsTaken.includes(by);
}

/** The rules of a step that is no proof: only its ticket can be wrong, and the latest guess was at the mailbox. */
const stepTaken = {
  resets: () => 'mailbox_code',
  refusal: 'invalid_ticket',
  refusalOfDisabled: 'invalid_ticket',
} as const satisfies Pick<ProofKind, 'resets' | 'refusal' | 'refusalOfDisabled'>;

/** The rules of a proof by its row, or of a step that is none. */
export function rulesOf({
  by,
}: Pick<Proof | StepTaken, 'by'>): Pick<ProofKind, 'resets' | 'refusal' | 'refusalOfDisabled'> {
  return isStepTaken(by) ? stepTaken : proofKinds[by];
}

/** The factor that a proof proves now. */
export function provenBy(proof: ProofOfFactor, now: Date): ProvenFactor {
  return { ...factorOf(proof), at: now.toISOString() };
}

function factorOf(proof: ProofOfFactor): Factor {
  if (proof.by === 'passkey') return proofKinds.passkey.factor(proof.passkey);
  if (proof.by === 'identity_provider') return proofKinds.identity_provider.factor(proof.strength);
  return proofKinds[proof.by].factor;
}

/** Consumes a proof by its row. */
export function consumeSingleUse<Name extends ProofName>(tx: Queries, proof: Proof<Name>, use: Use): Promise<boolean> {
  return proofKinds[proof.by].consume(tx, proof, use);
}

/** How a session's user was authenticated (RFC 9068 §2.2.1). */
export interface AuthenticationContext {
  /** `phr` (OpenID EAP): two factors, one of them a passkey, which no phishing site can use. */
  readonly acr: '1' | '2' | 'phr';
  /** RFC 8176, with `mfa` for two factors and `user` for a passkey that verified the user. */
  readonly amr: readonly string[];
  /** When each factor was last proven. */
  readonly factorTimes: Readonly<Record<string, string>>;
}

/** Computes the context of a session from the factors of its login. Nothing else may claim a factor. */
export function authenticationContext(proven: readonly ProvenFactor[]): AuthenticationContext {
  const isStrong = provesTwoFactors(proven);
  const passkeys = proven.filter(({ factorTime }) => factorTime === passkeyTime);
  const amr = new Set<string>(proven.map((factor) => factor.amr));
  if (passkeys.some(({ userVerified }) => userVerified)) amr.add('user');
  if (isStrong) amr.add('mfa');
  const factorTimes = Object.fromEntries(proven.map(({ factorTime, at }) => [factorTime, at]));
  const acr = passkeys.length > 0 ? 'phr' : '2';
  return { acr: isStrong ? acr : '1', amr: [...amr], factorTimes };
}

/**
 * Computes the context of a live session whose user has proven a further factor now. The session's earlier factors count
 * with the times of their proofs.
 */
export function contextWithProof(
  { factorTimes, amr }: Pick<ActingSession, 'factorTimes' | 'amr'>,
  proof: ProofOfFactor,
  now: Date,
): RenewedContext {
  const earlier = Object.entries(factorTimes as AuthenticationContext['factorTimes']).flatMap(([name, at]) => {
    const factor = earlierFactor(name, amr);
    return factor === undefined ? [] : [{ ...factor, at }];
  });
  return { ...authenticationContext([...earlier, provenBy(proof, now)]), authTime: now };
}

/** The factor of a session by its name in `factor_times`; the session's `amr` has what distinguishes passkeys. */
function earlierFactor(name: string, amr: readonly string[]): Factor | undefined {
  const { passkey, identity_provider: provider, ...others } = proofKinds;
  if (name === providerTimes.one) return provider.factor('one');
  if (name === providerTimes.two) return provider.factor('two');
  if (name !== passkeyTime) return Object.values(others).find(({ factor }) => factor.factorTime === name)?.factor;
  return passkey.factor({ backupEligible: amr.includes('swk'), userVerified: amr.includes('user') });
}
