/**
 * The rules for new passwords, for forms that display them. Owns `GET /api/v1/auth/password-policy`; no tables.
 * The response depends only on the configuration and must not depend on the requester.
 */
import { z } from 'zod';
import type { PasswordRules } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';

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
  minLength: 12,
  maxLength: 128,
  requiredClasses: [],
  maxRepeats: null,
  minEntropyBits: null,
  breachCheck: false,
};

export function passwordPolicyEndpoints(flow: ShowPasswordPolicy): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'password.policy',
      method: 'GET',
      path: '/api/v1/auth/password-policy',
      tag: 'login',
      summary: 'The rules for new passwords',
      description:
        'Lengths count code points after NFC; `null` means that a rule does not apply. Every profile also rejects the most ' +
        'common passwords, patterns such as `abcabcabcabc`, and passwords that consist of the name or address of the user ' +
        'or the service.',
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
