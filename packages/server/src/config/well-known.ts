/** Settings of the documents under `/.well-known/`. */
import { z } from 'zod';
import { list, text } from './setting.ts';
import { isReportingAddress, isServiceUrl } from './values.ts';

export const wellKnown = z.object({
  securityContacts: list(
    [],
    {
      env: 'LATCHKEY_SECURITY_CONTACT',
      expected: 'mailto:, https: or tel: addresses, separated by commas, such as mailto:security@example.com',
      fallback: 'none: there is no security.txt',
      doc: 'Contacts for reports of vulnerabilities in this installation, the preferred one first. Published in `/.well-known/security.txt` (RFC 9116).',
    },
    isReportingAddress,
  ),
  changePasswordUrl: text(
    {
      env: 'LATCHKEY_CHANGE_PASSWORD_URL',
      expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'none',
      doc: 'Your page where users change their password, such as `https://example.com/settings/password`. `/.well-known/change-password`, which password managers open, redirects to it.',
    },
    isServiceUrl,
  ),
});
