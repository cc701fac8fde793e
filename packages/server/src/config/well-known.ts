/** What is said at addresses that everybody knows. */
import { z } from 'zod';
import { list, text } from './setting.ts';
import { isReportingAddress, isServiceUrl } from './values.ts';

/** The settings. */
export const wellKnown = z.object({
  securityContacts: list(
    [],
    {
      env: 'LATCHKEY_SECURITY_CONTACT',
      expected: 'mailto:, https: or tel: addresses, separated by commas, such as mailto:security@example.com',
      fallback: 'none, and no security.txt',
      doc: 'Whom to tell of a weakness in this installation, the best way first; published as `/.well-known/security.txt` (RFC 9116).',
    },
    isReportingAddress,
  ),
  changePasswordUrl: text(
    {
      env: 'LATCHKEY_CHANGE_PASSWORD_URL',
      expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'none',
      doc: 'The page of yours where people change their password. Password managers find it by `/.well-known/change-password`.',
    },
    isServiceUrl,
  ),
});
