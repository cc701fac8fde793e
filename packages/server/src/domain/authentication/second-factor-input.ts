import { z } from 'zod';
import type { TypedSecondFactor } from './compare-second-factor.ts';

/** The fields of a request that proves a second factor; `typedSecondFactor` requires exactly one. */
export const secondFactorFields = {
  code: z.string().min(6).max(20).optional(),
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
