import { type Html, html } from './html.ts';

/** The field of a form for a password that is to be; `complaint` says what was wrong with the last one. */
export function newPasswordField(label: string, minLength: number, complaint?: string): Html {
  return html`<p><label for="password">${label}</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="${minLength}" required
  aria-describedby="password-complaint"${complaint !== undefined && html` aria-invalid="true"`}>
<span id="password-complaint" class="wrong" role="alert">${complaint}</span></p>`;
}
