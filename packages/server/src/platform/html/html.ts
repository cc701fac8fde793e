/** A template tag that escapes every value (OWASP Cross Site Scripting Prevention Cheat Sheet, output encoding). */

// The class assigns it, so that no code outside this file can wrap a raw string.
let make: (markup: string) => Html;

/** HTML that is safe to send. Only `html` and `joinHtml` create it. */
export class Html {
  readonly #markup: string;

  private constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }

  static {
    make = (markup) => new Html(markup);
  }
}

/** A value of a template: text is escaped, `Html` is not, a list is joined, an absent value is empty. */
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
 * A value may stand between tags or inside a quoted attribute. Escaping does not protect the name of a tag or attribute,
 * an unquoted attribute, or a URL whose scheme the value decides: never place a value there.
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = parts[0] ?? '';
  values.forEach((value, index) => {
    markup += render(value) + (parts[index + 1] ?? '');
  });
  return make(markup);
}

export function joinHtml(pieces: readonly Html[]): Html {
  return make(pieces.join(''));
}

function render(value: HtmlValue): string {
  if (value === undefined || value === null || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replace(/[&<>"'`]/g, (character) => entities[character] as string);
}
