import { hash } from 'node:crypto';

const cookieValue = 'shown-form-cookie'.padEnd(43, '0');

/** A browser that was shown a form: its cookie, by its name over http and over https, and what the form carries; computed here, not by the product. */
export const renderedForm = {
  cookie: `latchkey_form=${cookieValue}; __Host-latchkey-form=${cookieValue}`,
  fields: { formToken: hash('sha256', `latchkey form ${cookieValue}`, 'base64url') },
} as const;
