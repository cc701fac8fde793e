/** What a password must be here. Owns `GET /api/v1/auth/password-policy`, for forms that say it before they are sent. */
import { z } from 'zod';
import type { PasswordRules } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';

/** What answering needs. */
export interface ShowPasswordPolicy {
  readonly passwordRules: Pick<PasswordRules, 'policy'>;
}

const passwordPolicy = z.object({
  profile: z.enum(['standard', 'nist', 'composition']),
  /** In code points after NFC. */
  minLength: z.number().int(),
  maxLength: z.number().int(),
  requiredClasses: z.array(z.enum(['lowercase', 'uppercase', 'digit', 'special'])),
  maxRepeats: z.number().int().nullable(),
  minEntropyBits: z.number().int().nullable(),
  breachCheck: z.boolean(),
});

const passwordPolicyExample: z.output<typeof passwordPolicy> = {
  profile: 'standard',
  minLength: 8,
  maxLength: 256,
  requiredClasses: [],
  maxRepeats: null,
  minEntropyBits: null,
  breachCheck: false,
};

/** The endpoints of this flow. */
export function passwordPolicyEndpoints(flow: ShowPasswordPolicy): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'password.policy',
      method: 'GET',
      path: '/api/v1/auth/password-policy',
      tag: 'login',
      summary: 'What a new password must be',
      description:
        'Lengths are in code points after NFC; `null` means that a rule is not asked. Under every profile the most used ' +
        'passwords are refused, those that are one pattern, and those made of little else than the name or the address of ' +
        'the person or the service.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: {},
      response: {
        status: 200,
        message: 'The rules for new passwords',
        data: passwordPolicy,
        example: passwordPolicyExample,
      },
      problems: [],
      handler: () => {
        const { policy } = flow.passwordRules;
        return Promise.resolve({ data: { ...policy, requiredClasses: [...policy.requiredClasses] } });
      },
    }),
  ];
}
