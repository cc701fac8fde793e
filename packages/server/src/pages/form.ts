/** Forms and their parts. */
import { type Html, html } from '#platform/html/index.ts';
import { formTokenSlot } from '#platform/http/index.ts';

/** A form that posts to a path of ours, with the slot of the CSRF token that `platform/http` fills in. */
export function postForm(action: `/${string}`, content: Html): Html {
  return html`<form method="post" action="${action}">
${formTokenSlot}
${content}
</form>`;
}

export function hiddenField(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}

/** One of several buttons of a form carries its choice in `name` and `value`. */
export interface Button {
  readonly label: string;
  readonly name?: string;
  readonly value?: string;
  /** Stands back behind the first button, and submits without the fields that the first one requires. */
  readonly isSecondary?: true;
}

export function button({ label, name, value, isSecondary }: Button): Html {
  const choice = name !== undefined && html` name="${name}" value="${value}"`;
  const secondary = isSecondary && html` class="secondary" formnovalidate`;
  return html`<button type="submit"${choice}${secondary}>${label}</button>`;
}

/** A text field with its label above it. */
export interface Field {
  /** Also its id. */
  readonly name: string;
  readonly label: string;
  readonly type: 'text' | 'email' | 'password';
  /** A token of HTML's autofill. */
  readonly autocomplete: string;
  readonly value?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Why the last value was rejected. */
  readonly complaint?: string | undefined;
  /** A sentence below the field. */
  readonly hint?: string;
  /** The keyboard of a phone; a code is drawn large. */
  readonly inputMode?: 'numeric';
  /** Not corrected or capitalized by a phone: an address, a code. */
  readonly isVerbatim?: true;
  /** Gets the focus when the page opens. */
  readonly hasFocus?: boolean;
}

/** A required field. A screen reader reads the complaint with it, and at once when it appears. */
export function field(declared: Field): Html {
  const { name, label, type, autocomplete, value, minLength, maxLength, complaint, hint } = declared;
  const length = html`${minLength && html` minlength="${minLength}"`}${maxLength && html` maxlength="${maxLength}"`}`;
  const typed = value !== undefined && html` value="${value}"`;
  const invalid = complaint !== undefined && html` aria-invalid="true"`;
  return html`<p><label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}"${typed} autocomplete="${autocomplete}"${length} required${keyboardOf(declared)}
  aria-describedby="${name}-complaint${hint === undefined ? '' : ` ${name}-hint`}"${invalid}>
<span id="${name}-complaint" class="wrong" role="alert">${complaint}</span>${
    hint !== undefined &&
    html`
<span id="${name}-hint" class="hint">${hint}</span>`
  }</p>`;
}

function keyboardOf({ inputMode, isVerbatim, hasFocus }: Field): Html {
  const code = inputMode !== undefined && html` inputmode="${inputMode}" class="code"`;
  const verbatim = isVerbatim && html` autocapitalize="none" spellcheck="false"`;
  return html`${code}${verbatim}${hasFocus && html` autofocus`}`;
}

/** The six digits of an authenticator app or a mail, as one field: several would break autofill and paste. */
export function codeField(label: string, complaint: string | undefined, name = 'code'): Html {
  return field({
    name,
    label,
    type: 'text',
    autocomplete: 'one-time-code',
    inputMode: 'numeric',
    maxLength: 10,
    complaint,
    isVerbatim: true,
    hasFocus: true,
  });
}

/** A recovery code. It has a page of its own: beside the digits, password managers would fill the wrong field. */
export function recoveryCodeField(label: string, complaint: string | undefined): Html {
  return field({
    name: 'recoveryCode',
    label,
    type: 'text',
    autocomplete: 'off',
    maxLength: 100,
    complaint,
    isVerbatim: true,
    hasFocus: true,
  });
}

/** A value that is shown and not sent. A password manager stores an email shown this way with the new password. */
export function shownField({ name, label, type, autocomplete, value }: Field): Html {
  return html`<p><label for="${name}">${label}</label>
<input id="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" readonly></p>`;
}
