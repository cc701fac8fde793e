import { z } from 'zod';
import { parseEmailAddress } from '#protocol/email-address/index.ts';

/** Blanks around an address come from keyboards of phones. A line break does not, and would be one in a mail's header. */
const blanksAround = /^[\p{Zs}\t]+|[\p{Zs}\t]+$/gu;

/** The schema of an email address from outside; its output has the address as typed, without blanks around it, and in canonical form. */
export const emailInput = z
  .string()
  .max(254)
  .transform((typed, context) => {
    const parsed = parseEmailAddress(typed.replace(blanksAround, ''));
    if (parsed.kind === 'ok') return parsed.address;
    context.addIssue({ code: 'custom', message: 'This is not an email address that can be used here.' });
    return z.NEVER;
  });
