import { assert } from '#kernel/assert.ts';
import type { MailMessage } from './message.ts';

/** Parses `Name <address>` or a bare address, which config has validated; lowercases the domain. */
export function parseSender(text: string): MailMessage['from'] {
  const match = /^(?:([^<>"]*?) *)<([^<>@\s]+@[^<>@\s]+)>$/.exec(text);
  if (match === null) assert(/^[^<>@\s]+@[^<>@\s]+$/.test(text), 'the sender is not one address');
  const [name, address] = match === null ? ['', text] : [match[1] ?? '', match[2] ?? ''];
  const at = address.indexOf('@');
  return { name, address: address.slice(0, at) + address.slice(at).toLowerCase() };
}
