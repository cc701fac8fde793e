/** The settings of the brand: the name of the service, and how its pages and mails look and read. */
import { z } from 'zod';
import { formatBrandLink, parseBrandLink, parseServiceName } from '#protocol/brand/index.ts';
import { defaultTheme, parseAccent } from '#protocol/theme/index.ts';
import { choice, integer, parsedList, parsedText, text } from './setting.ts';

const logo = { expected: 'the path of an SVG, PNG or WebP file of at most 100 kB' };

export const brand = z.object({
  name: parsedText(
    {
      env: 'LATCHKEY_SERVICE_NAME',
      expected: 'one line of at most 40 characters',
      fallback: 'the host of the public URL',
      doc: 'Name of this service, as people know it, such as `Acme`. Pages, mails and their sender, authenticator apps and passkeys show it.',
    },
    { parse: parseServiceName, format: (name) => name },
  ),
  accent: parsedText(
    {
      env: 'LATCHKEY_BRAND_ACCENT',
      field: 'brand.theme.accent',
      expected: 'a color such as #0f766e',
      fallback: defaultTheme.accent,
      doc: 'Color of buttons and links. All other colors are computed from it. Where a text would be unreadable the color is moved, and `latchkey doctor` says to which.',
    },
    { parse: parseAccent, format: (color) => color },
  ),
  radius: integer(0, 20, defaultTheme.radius, {
    env: 'LATCHKEY_BRAND_RADIUS',
    field: 'brand.theme.radius',
    doc: 'Radius of the corners of fields and buttons in pixels. 0 makes them square.',
  }),
  scheme: choice(['auto', 'light', 'dark'], defaultTheme.scheme, {
    env: 'LATCHKEY_BRAND_SCHEME',
    field: 'brand.theme.scheme',
    doc: 'Color scheme of the pages. `auto` follows the device of the reader.',
  }),
  logo: text({
    env: 'LATCHKEY_BRAND_LOGO',
    ...logo,
    fallback: 'a keyhole and the name',
    doc: 'Logo above the pages, instead of the name, drawn 32 pixels high. Readers who cannot see it get the name. A relative path starts at the working directory.',
  }),
  logoDark: text({
    env: 'LATCHKEY_BRAND_LOGO_DARK',
    ...logo,
    fallback: 'LATCHKEY_BRAND_LOGO',
    doc: 'Logo on the dark color scheme.',
  }),
  links: parsedList(
    {
      env: 'LATCHKEY_BRAND_LINKS',
      expected:
        'https links such as privacy=https://example.com/privacy,terms=https://example.com/terms,help=https://example.com/help',
      fallback: 'none',
      doc: 'Your pages that are linked below every page: `privacy`, `terms` and `help`. With `privacy` and `terms` the sign-up page says that they apply. Write a comma in a URL as `%2C`.',
    },
    { parse: parseBrandLink, format: formatBrandLink },
  ),
  texts: text({
    env: 'LATCHKEY_TEXTS',
    expected: 'the path of a folder',
    fallback: 'none',
    doc: 'Folder of files such as `en.json` and `de.json` whose messages replace ours. A file has the keys that it replaces; each message keeps the placeholders of ours. See `docs/guides/branding.md`.',
  }),
});
