/** Origins of applications' pages, as browsers serialize them (RFC 6454 §6.2). */

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

// The pages of a packaged application, such as `capacitor://localhost`: browsers give them no other origin.
const ownScheme = /^(?!https?:|file:|data:|blob:|about:|javascript:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+$/;

/**
 * Whether a text is an origin that can be listed, in the one spelling that browsers send. `null` is rejected: every
 * sandboxed frame has it. With http only loopback hosts are accepted.
 */
export function isOrigin(text: string): boolean {
  if (text.length > 255) return false;
  if (ownScheme.test(text)) return true;
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, origin } = new URL(text);
  // A URL can have an asterisk as its host, which would look like a wildcard here.
  if (hostname.includes('*')) return false;
  return origin === text && (protocol === 'https:' || (protocol === 'http:' && loopbackHost.test(hostname)));
}
