import { hash } from 'node:crypto';

const cookieValue = 'shown-form-cookie'.padEnd(43, '0');

/**
 * The form token and cookie of a rendered page, the cookie under its http and its https name. Computed independently of
 * the product.
 */
export const renderedForm = {
  cookie: `latchkey_form=${cookieValue}; __Host-latchkey-form=${cookieValue}`,
  fields: { formToken: hash('sha256', `latchkey form ${cookieValue}`, 'base64url') },
  /** Identifies the browser that has the cookie. */
  browserHash: hash('sha256', `latchkey browser ${cookieValue}`, 'buffer'),
} as const;
