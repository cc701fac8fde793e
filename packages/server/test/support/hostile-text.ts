/** Hostile input for fields that expect an address or a name. */

/** Part of every hostile text, so that tests find it wherever it was stored or sent. Too long to be in a token by chance. */
export const marker = 'zqxzqxzqx';

type Inputs = readonly (readonly [what: string, value: unknown])[];

/** Invalid addresses made from the address of an existing user. */
export function invalidAddresses(victim: string): Inputs {
  const [local = '', domain = ''] = victim.split('@');
  return [...severalAtOnce(victim, `${marker}@evil.example`), ...malformed(local, domain), ...foreign(local, domain)];
}

function severalAtOnce(victim: string, evil: string): Inputs {
  return [
    ['an array of one', [victim]],
    ['an array of two', [victim, evil]],
    ['an object', { address: victim }],
    ['an object like an array', { 0: victim, 1: evil, length: 2 }],
    ['a number', 7],
    ['nothing', null],
    ['a list by comma', `${victim},${evil}`],
    ['a list by comma and space', `${victim}, ${evil}`],
    ['a list by semicolon', `${victim};${evil}`],
    ['a list by space', `${victim} ${evil}`],
    ['a list by tab', `${victim}\t${evil}`],
    ['a list by NUL', `${victim}\u0000${evil}`],
    ['a group', `group:${victim},${evil};`],
    ['a comment behind', `${victim}(${evil})`],
    ['a quoted address', `"${evil}"${victim}`],
    ['a display name', `${marker} <${victim}>`],
    ['a display name with markup', `<b>${marker}</b> <${victim}>`],
    ['a display name that is an address', `"${evil}" <${victim}>`],
    ['a line break and a header', `${victim}\r\nBcc: ${evil}`],
    ['a line feed and a header', `${victim}\nBcc: ${evil}`],
    ['a carriage return and a header', `${victim}\rBcc: ${evil}`],
    ['a header before', `\r\nBcc: ${evil}\r\n${victim}`],
    ['a line separator and a header', `${victim}\u2028Bcc: ${evil}`],
    ['a next line and a header', `${victim}\u0085Bcc: ${evil}`],
    ['an SMTP command', `${victim}>\r\nRCPT TO:<${evil}`],
    ['percent-encoded breaks', `${victim}%0d%0aBcc:%20${evil}`],
    ['a URL', `mailto:${victim}?bcc=${evil}`],
    ['a route', `@evil.example:${victim}`],
    ['two signs', victim.replace('@', '@evil.example@')],
  ];
}

function malformed(local: string, domain: string): Inputs {
  return [
    ['a comment within', `${local}(${marker})@${domain}`],
    ['quotes', `"${local}"@${domain}`],
    ['a backslash', `${local}\\@${domain}`],
    ['markup', `<script>${marker}</script>@${domain}`],
    ['angle brackets', `<${local}@${domain}>`],
    ['a line break in the local part', `${local}\r\n@${domain}`],
    ['a line break at the end', `${local}@${domain}\r\n`],
    ['a NUL at the end', `${local}@${domain}\u0000`],
    ['percent-encoded breaks in the domain', `${local}@${domain}%0d%0aBcc`],
    ['a percent-encoded sign', `${local}%40${domain}`],
    ['a path in the domain', `${local}@${domain}/${marker}`],
    ['a port', `${local}@${domain}:25`],
    ['a literal', `${local}@[127.0.0.1]`],
    ['an address by number', `${local}@127.1`],
    ['a host of one label', `${local}@localhost`],
    ['a domain that ends with a dot', `${local}@${domain}.`],
    ['a long local part', `${'a'.repeat(65)}@${domain}`],
    ['a long domain', `${local}@${'a.'.repeat(130)}example`],
    ['very many characters', `${'a'.repeat(50_000)}@${domain}`],
    ['nothing but a sign', '@'],
    ['an empty text', ''],
  ];
}

function foreign(local: string, domain: string): Inputs {
  return [
    ['a zero-width space', `${local}\u200b@${domain}`],
    ['a zero-width space in the domain', `${local}@\u200b${domain}`],
    ['a soft hyphen', `${local}@\u00ad${domain}`],
    ['a text that turns around', `${local}@\u202e${domain}`],
    ['a Kelvin sign in the local part', `\u212a${local}@${domain}`],
    ['a dotless i in the local part', `\u0131${local}@${domain}`],
    ['a Cyrillic local part', `\u0430${local}@${domain}`],
    ['a full-width local part', `\uff41${local}@${domain}`],
    ['a combining mark in the local part', `${local}\u0301@${domain}`],
    ['a full-width sign', `${local}\uff20${domain}`],
    ['an A-label that decodes to nothing', `${local}@xn--people-.example`],
    ['a lone surrogate', `${local}\ud800@${domain}`],
  ];
}

/** Addresses that look like an address of `people.example` but are different ones. */
export function lookalikeAddresses(victim: string): readonly (readonly [what: string, value: string])[] {
  const [local = ''] = victim.split('@');
  return [
    ['a Cyrillic letter', `${local}@p\u0435ople.example`],
    ['a dotless i', `${local}@people.exampl\u0131e`],
    ['a combining mark', `${local}@peo\u0301ple.example`],
    ['an A-label', `${local}@xn--pople-8of.example`],
    ['a Greek letter', `${local}@pe\u03bfple.example`],
    ['a longer domain', `${local}@people.example.evil.example`],
    ['a tag', `${local}+${marker}@people.example`],
    ['a missing dot', `${local.replace('.', '')}@people.example`],
  ];
}

/** Other spellings of the same address of `people.example`. */
export function equivalentSpellings(victim: string): readonly (readonly [what: string, value: string])[] {
  const [local = '', domain = ''] = victim.split('@');
  return [
    ['capitals', victim.toUpperCase()],
    ['a full-width letter in the domain', `${local}@\uff50${domain.slice(1)}`],
    ['an ideographic full stop', `${local}@${domain.replaceAll('.', '\u3002')}`],
  ];
}

/** Names; some are rejected, and none may appear in a mail. */
export const hostileNames: readonly string[] = [
  `<img src=x onerror=${marker}()>`,
  `<script>${marker}</script>`,
  `"><a href="https://evil.example/${marker}">log in</a>`,
  `</p><p style="x">${marker}`,
  `${marker}\r\nBcc: eve@evil.example`,
  `${marker}\nSubject: ${marker}`,
  `${marker}%0d%0aBcc:%20eve@evil.example`,
  `=?utf-8?q?${marker}=0d=0aBcc:_eve@evil.example?=`,
  `https://evil.example/${marker}`,
  `evil.example/${marker}`,
  `Win at ${marker}.evil.example`,
  `javascript:${marker}`,
  `{service} ${marker} {link}`,
  `\${${marker}}`,
  `&lt;b&gt;${marker}&amp;`,
  `${marker}\u202e\u2066gpj.exe`,
  `${marker}\u0000`,
  `--${marker}--`,
  `.\r\nMAIL FROM:<eve@evil.example>${marker}`,
];
