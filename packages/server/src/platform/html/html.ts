/** A tagged template that escapes every value (OWASP: output encoding for HTML contexts). */

// Assigned by the class itself, so that nothing outside this file can wrap a raw string.
let make: (markup: string) => Html;

/** A piece of HTML that is safe to send. Only `html` and `joinHtml` make one. */
export class Html {
  readonly #markup: string;

  private constructor(markup: string) {
    this.#markup = markup;
  }

  /** The markup, for the answer or the mail. */
  toString(): string {
    return this.#markup;
  }

  static {
    make = (markup) => new Html(markup);
  }
}

/** What a template takes: a text is escaped, `Html` is not, a list is joined, and what is absent leaves nothing. */
export type HtmlValue = string | number | Html | readonly Html[] | undefined | null | false;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Makes HTML. A value may stand between tags or inside a quoted attribute.
 * Never put one into a tag's or attribute's name, an unquoted attribute, or a URL whose scheme it would decide:
 * escaping does not help there.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = parts[0] ?? '';
  values.forEach((value, index) => {
    markup += render(value) + (parts[index + 1] ?? '');
  });
  return make(markup);
}

/** Pieces one after another. */
export function joinHtml(pieces: readonly Html[]): Html {
  return make(pieces.join(''));
}

function render(value: HtmlValue): string {
  if (value === undefined || value === null || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replace(/[&<>"'`]/g, (character) => entities[character] as string);
}
