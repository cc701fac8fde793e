import { z } from 'zod';
import type { TypedSecondFactor } from './compare-second-factor.ts';

/** A code as an authenticator app shows it: six digits, which some apps group. */
export const totpCodeInput = z.string().regex(/^[0-9 ]{6,10}$/, 'Enter the six digits that the app shows.');

/** The fields of a request that proves a second factor; `typedSecondFactor` requires exactly one. */
export const secondFactorFields = {
  code: totpCodeInput.optional(),
  recoveryCode: z.string().min(1).max(100).optional(),
};

/** Returns undefined unless exactly one of the fields is there. */
export function typedSecondFactor({
  code,
  recoveryCode,
}: {
  readonly code?: string | undefined;
  readonly recoveryCode?: string | undefined;
}): TypedSecondFactor | undefined {
  if (code !== undefined && recoveryCode === undefined) return { kind: 'totp', code };
  if (code === undefined && recoveryCode !== undefined) return { kind: 'recovery_code', code: recoveryCode };
  return undefined;
}
