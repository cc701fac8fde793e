import { z } from 'zod';
import { parseEmailAddress } from '#protocol/email-address/index.ts';

/**
 * The schema of an email address from outside; its output has the address as typed and in canonical form. Blanks around it
 * are removed, because keyboards of phones add them.
 */
export const emailInput = z
  .string()
  .max(254)
  .transform((typed, context) => {
    const parsed = parseEmailAddress(typed.trim());
    if (parsed.kind === 'ok') return parsed.address;
    context.addIssue({ code: 'custom', message: 'This is not an email address that can be used here.' });
    return z.NEVER;
  });
