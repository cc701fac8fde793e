/** The settings of passkeys. */
import { z } from 'zod';
import { parsePasskeyOrigin, parseRpId } from '#protocol/passkey-origin/index.ts';
import { choice, parsedList, parsedText } from './setting.ts';

export const passkeys = z.object({
  accepted: choice(['any', 'device_bound', 'off'], 'any', {
    env: 'LATCHKEY_PASSKEYS',
    doc: 'Passkeys that users can add. `any`: also those that are synced between devices. `device_bound`: only those that stay on one device, such as security keys. `off`: none, and those that exist are not accepted.',
  }),
  rpId: parsedText(
    {
      env: 'LATCHKEY_PASSKEY_RP_ID',
      expected: 'the host of the public URL or a parent domain of it, such as example.com for https://auth.example.com',
      fallback: 'the host of the public URL; no passkeys if that is an IP address',
      doc: 'Domain for which passkeys are made (RP ID). After a change no earlier passkey works any more: `latchkey doctor` says whether there are any.',
    },
    { parse: parseRpId, format: (domain) => domain },
  ),
  origins: parsedList(
    {
      env: 'LATCHKEY_PASSKEY_ORIGINS',
      expected: 'https origins, or android:apk-key-hash: and the hash of an app, separated by commas',
      fallback: 'none',
      doc: 'Further origins that may use the passkeys, such as `https://app.example.com,android:apk-key-hash:…`. Each can ask users for them, so it must be as trusted as the sign-in page. The public URL is always one.',
    },
    { parse: parsePasskeyOrigin, format: (origin) => origin },
  ),
});
