/** The page behind the link: one form with two buttons, complete without JavaScript. */
import { passwordInput } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { type Html, html, page } from '#platform/html/index.ts';
import type { Caller, PageAnswer } from '#platform/http/index.ts';
import { disownRegistration, type Link, readLink, type VerifyEmail, verifyEmail } from './verify-email.ts';

interface Pressed {
  readonly token: string;
  readonly choice: 'verify' | 'disown';
  readonly password?: string | undefined;
}

/** Shows when the registration was made and asks whether it was them. Changes nothing. */
export async function showForm(flow: VerifyEmail, token: string): Promise<PageAnswer> {
  const link = await readLink(flow, token);
  return link === undefined ? deadLink() : answer(200, 'Verify your address', form(token, link));
}

/** What a button does. */
export async function pressForm(flow: VerifyEmail, pressed: Pressed, caller: Caller): Promise<PageAnswer> {
  if (pressed.choice === 'disown') {
    const disowned = await disownRegistration(flow, pressed.token, caller);
    if (!disowned) return deadLink();
    return answer(200, 'Thank you', html`<p>This registration is void. Nothing else happens.</p>`);
  }
  const link = await readLink(flow, pressed.token);
  if (link === undefined) return deadLink();
  const password = link.registration === undefined ? passwordInput.safeParse(pressed.password ?? '') : undefined;
  if (password?.success === false) {
    const complaint = password.error.issues[0]?.message ?? 'Choose another password.';
    return answer(422, 'Verify your address', form(pressed.token, link, complaint));
  }
  return press(flow, pressed.token, password?.data, caller);
}

async function press(
  flow: VerifyEmail,
  token: string,
  password: string | undefined,
  caller: Caller,
): Promise<PageAnswer> {
  try {
    await verifyEmail(flow, token, password, caller);
  } catch (error) {
    if (error instanceof Problem && error.code === 'invalid_token') return deadLink();
    throw error;
  }
  return answer(200, 'Address verified', html`<p>Your address is verified. You can log in now.</p>`);
}

function deadLink(): PageAnswer {
  const body = html`<p>This link was used, replaced by a newer one, or has expired.</p>
<p>If your address is not verified yet, log in to ask for a new link.</p>`;
  return answer(400, 'This link is not valid', body);
}

function form(token: string, link: Link, complaint?: string): Html {
  return html`<p>${explanation(link)}</p>
<form method="post" action="/verify-email">
<input type="hidden" name="token" value="${token}">
${link.registration === undefined && passwordField(complaint)}
<button type="submit" name="choice" value="verify">Yes, verify my address</button>
<button type="submit" name="choice" value="disown" class="secondary" formnovalidate>This was not me</button>
</form>`;
}

function explanation({ registration }: Link): Html {
  if (registration === undefined) {
    return html`Several registrations were made with this address. Choose the password of yours to verify it.`;
  }
  const { name, registeredAt } = registration;
  return html`An account for <strong>${name}</strong> was registered with this address on
<time datetime="${registeredAt}">${toMinute(registeredAt)}</time>. Was this you?`;
}

function passwordField(complaint: string | undefined): Html {
  return html`<p><label for="password">New password (at least 12 characters)</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required
  aria-describedby="password-complaint">
<span id="password-complaint" class="complaint" role="alert">${complaint}</span></p>`;
}

/** `2026-01-31 14:05 UTC`: the same for every reader, since a mail is read anywhere. */
function toMinute(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

function answer(status: number, title: string, body: Html): PageAnswer {
  return { kind: 'html', status, html: page({ title, body }) };
}
