/** Forms and their parts. */
import { type Html, html, joinHtml } from '#platform/html/index.ts';
import { formTokenSlot } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { type IconName, icon } from './icon.ts';

/** A form that posts to a path of ours, with the slot of the CSRF token that `platform/http` fills in. Buttons outside it name its id. */
export function postForm(action: `/${string}`, content: Html, { id }: { readonly id?: string } = {}): Html {
  return html`<form method="post" action="${action}"${id !== undefined && html` id="${id}"`}>
${formTokenSlot}
${content}
</form>`;
}

export function hiddenField(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}

/** The weight of a button: the main act, another way, a way out, or the removal of something. */
export type ButtonKind = 'primary' | 'plain' | 'quiet' | 'danger';

/** One of several buttons of a form carries its choice in `name` and `value`. */
export interface Button {
  readonly label: string;
  readonly kind?: ButtonKind;
  readonly icon?: IconName;
  readonly name?: string;
  readonly value?: string;
  /** Beside a text, rather than as wide as the form. */
  readonly isCompact?: true;
  /** Submits without the fields that another button requires. */
  readonly skipsFields?: true;
  /** The id of the form that it submits, when it stands outside. */
  readonly form?: string;
  /** It looks off for this long; a script counts down. The server refuses early presses itself. */
  readonly waitSeconds?: number;
}

export function button(declared: Button): Html {
  const { label, kind = 'primary', icon: sign, name, value, isCompact, skipsFields, form, waitSeconds } = declared;
  const choice = name !== undefined && html` name="${name}" value="${value}"`;
  const look = classOf(kind, isCompact);
  const wait = waitSeconds !== undefined && html` aria-disabled="true" data-wait="${waitSeconds}"`;
  return html`<button type="submit"${choice}${look !== '' && html` class="${look}"`}${skipsFields && html` formnovalidate`}${form !== undefined && html` form="${form}"`}${wait}>${sign && icon(sign)}${label}</button>`;
}

/** A link that looks like a button. */
export function linkButton({ label, kind = 'primary', icon: sign, isCompact, path }: LinkButton): Html {
  return html`<a class="${classOf(kind, isCompact, 'button')}" href="${path}">${sign && icon(sign)}${label}</a>`;
}

export interface LinkButton extends Pick<Button, 'label' | 'kind' | 'icon' | 'isCompact'> {
  readonly path: `/${string}`;
}

function classOf(kind: ButtonKind, isCompact: true | undefined, first = ''): string {
  return [first, kind === 'primary' ? '' : kind, isCompact ? 'compact' : ''].filter((name) => name !== '').join(' ');
}

/** Ways that stand below each other, close together. */
export function stack(...parts: readonly (Html | false | undefined)[]): Html {
  return html`<div class="stack">${joinHtml(parts.flatMap((part) => part || []))}</div>`;
}

/** Between the first way and the others. Hidden until there is a script when only scripts show what follows. */
export function or(text: string, { needsScript = false }: { readonly needsScript?: boolean } = {}): Html {
  return html`<div class="or"${needsScript && html` hidden data-script`}>${text}</div>`;
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
  /** The hint says what only a script does. */
  readonly hintsAtScript?: true;
  /** The keyboard of a phone; digits are drawn large. */
  readonly inputMode?: 'numeric';
  /** Not corrected or capitalized by a phone: an address, a code. */
  readonly isVerbatim?: true;
  /** Gets the focus when the page opens. */
  readonly hasFocus?: boolean;
  /** At the end of the line of the label, such as a link. */
  readonly aside?: Html | undefined;
  /** Below the field: what its value must keep to. */
  readonly rules?: readonly Rule[];
  /** Inside the field, at its end. */
  readonly within?: Html | undefined;
  readonly isOptional?: true;
}

/** A rule for a value, and a pattern of the values that keep it, which a script ticks. Flags: `s`, `u`; of the text in NFC. */
export interface Rule {
  readonly text: string;
  readonly pattern?: string;
}

/** A field, required by default. A screen reader reads the complaint with it, and at once when it appears. */
export function field(declared: Field): Html {
  const { name, label, complaint, hint, hintsAtScript, rules, aside, within } = declared;
  const input = inputOf(declared);
  const over = html`<label for="${name}">${label}</label>`;
  return html`<div class="field">${aside === undefined ? over : html`<div class="over">${over}${aside}</div>`}
${within === undefined ? input : html`<div class="beside">${input}${within}</div>`}
${complaint !== undefined && html`<p class="complaint" id="${name}-complaint" role="alert">${icon('stop')}<span>${complaint}</span></p>`}${
  hint !== undefined &&
  html`<p class="small soft" id="${name}-hint"${hintsAtScript && html` data-script hidden`}>${hint}</p>`
}${rules !== undefined && ruleList(name, rules)}</div>`;
}

function ruleList(name: string, rules: readonly Rule[]): Html {
  return html`<ul class="rules" id="${name}-rules">${rules.map(
    ({
      text,
      pattern,
    }) => html`<li${pattern !== undefined && html` data-keeps="${pattern}"`}>${icon('dot')}<span>${text}</span></li>
`,
  )}</ul>`;
}

function inputOf(declared: Field): Html {
  const { name, type, autocomplete, value, minLength, maxLength, complaint, isOptional } = declared;
  const length = html`${minLength && html` minlength="${minLength}"`}${maxLength && html` maxlength="${maxLength}"`}`;
  const typed = value !== undefined && html` value="${value}"`;
  const ids = describedBy(declared);
  return html`<input id="${name}" name="${name}" type="${type}"${typed} autocomplete="${autocomplete}"${length}${
    !isOptional && html` required`
  }${keyboardOf(declared)}${complaint !== undefined && html` aria-invalid="true"`}${
    ids !== '' && html` aria-describedby="${ids}"`
  }>`;
}

function describedBy({ name, complaint, hint, rules }: Field): string {
  const parts = { complaint, hint, rules };
  const present = Object.entries(parts).filter(([, part]) => part !== undefined);
  return present.map(([part]) => `${name}-${part}`).join(' ');
}

function keyboardOf({ inputMode, isVerbatim, hasFocus }: Field): Html {
  const digits = inputMode !== undefined && html` inputmode="${inputMode}" class="digits"`;
  const verbatim = isVerbatim && html` autocapitalize="none" spellcheck="false"`;
  return html`${digits}${verbatim}${hasFocus && html` autofocus`}`;
}

/** A password, with a button that shows it where there is a script. */
export function passwordField({ say }: PageWords, declared: Omit<Field, 'type' | 'within'>): Html {
  const show = html`<button type="button" data-show="${declared.name}" aria-pressed="false" aria-label="${say('page.password.show')}" hidden>${icon('eye')}</button>`;
  return field({ ...declared, type: 'password', within: show });
}

/**
 * The six digits of an authenticator app or a mail, as one field: several would break autofill and paste. Where there is a script
 * they are sent as soon as they are complete, and the page says so (WCAG 3.2.2).
 */
export function codeField({ say }: PageWords, complaint: string | undefined, name = 'code'): Html {
  return field({
    name,
    label: say('page.code.label'),
    hint: say('page.code.hint'),
    hintsAtScript: true,
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
  return html`<div class="field"><label for="${name}">${label}</label>
<input id="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" readonly></div>`;
}

/** Names and values of one thing. */
export function facts(rows: readonly (readonly [name: string, value: string | Html] | false)[]): Html {
  const shown = rows.filter((row) => row !== false);
  return html`<dl class="facts">${shown.map(
    ([
      name,
      value,
    ]) => html`<div><dt>${name}</dt><dd>${typeof value === 'string' ? html`<bdi>${value}</bdi>` : value}</dd></div>
`,
  )}</dl>`;
}
