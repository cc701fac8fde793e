/** An e-mail address as an endpoint takes it. */
import { z } from 'zod';
import { parseEmailAddress } from '#protocol/email-address/index.ts';

/** A valid address, as typed and in its canonical form. */
export const emailInput = z
  .string()
  .max(254)
  .transform((typed, context) => {
    const parsed = parseEmailAddress(typed);
    if (parsed.kind === 'ok') return parsed.address;
    context.addIssue({ code: 'custom', message: 'This is not an e-mail address that can be used here.' });
    return z.NEVER;
  });
