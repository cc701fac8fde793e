/** `/step-up`: the form that proves the user again before a delicate page, and leads back to it. */

import { z } from 'zod';
import { acceptsPasskeys } from '#domain/passkeys/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import {
  button,
  codeField,
  hiddenField,
  linkButton,
  or,
  passwordField,
  postForm,
  recoveryCodeField,
  stack,
} from '#pages/form.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { usernameField } from '#pages/new-password-field.ts';
import { alert, refusal, status as statusNote } from '#pages/notice.ts';
import { accountPath, type OwnPath, stepUpPath, toOwnPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { credentialField, passkeyForm, readCredential } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { acceptedFactors, requestCode, type StepUp, stepUp, type TypedProof } from './step-up.ts';

/** Dependencies of the page. */
export interface StepUpPages extends StepUp {
  readonly catalogues: Catalogues;
  /** The age of an authentication that needs no step-up yet. */
  readonly stepUpSeconds: number;
}

type ProofKind = TypedProof['kind'];

/** A passkey needs a script, so that it comes after what the user can type, and before the codes of an emergency. */
const preferred: readonly ProofKind[] = ['totp', 'password', 'passkey', 'recovery_code', 'mailbox_code'];

const continueField = z.string().max(2000).optional();

const fields = z.strictObject({
  password: z.string().max(1024).optional(),
  code: z.string().max(100).optional(),
  recoveryCode: z.string().max(100).optional(),
  emailCode: z.string().max(100).optional(),
  credential: credentialField.optional(),
  act: z.literal('email_code').optional(),
  continue: continueField,
});

type Typed = z.output<typeof fields>;

export function stepUpPages(flow: StepUpPages): readonly Endpoint[] {
  const auth = { principals: ['session'] } as const;
  return [
    pageEndpoint({
      id: 'step_up.show',
      method: 'GET',
      path: stepUpPath,
      summary: 'Page that asks for a recent proof before a delicate change',
      auth,
      rateLimit: 'pages',
      callsApi: true,
      request: {
        query: z.strictObject({ continue: continueField, with: z.enum(['recovery_code', 'passkey']).optional() }),
      },
      problems: [],
      handler: async ({ query, principal, caller }) => {
        const continueTo = destinationOf(query.continue);
        if (isRecent(flow, principal)) return { kind: 'redirect', location: continueTo };
        return formPage(flow, principal, caller, { continueTo, wanted: query.with, status: 200 });
      },
    }),
    pageEndpoint({
      id: 'step_up.submit',
      method: 'POST',
      path: stepUpPath,
      summary: 'Its form: the session goes on under a new id',
      auth,
      rateLimit: 'credential',
      limitedAs: ({ act }) => (act === undefined ? 'credential' : 'mail'),
      callsApi: true,
      request: { form: fields },
      problems: ['login_incomplete', 'busy'],
      handler: ({ body, principal, caller }) => submit(flow, body, principal, caller),
      refused: ({ body, principal, caller, problem }) =>
        formPage(flow, principal, caller, {
          continueTo: destinationOf(body.continue),
          wanted: proofOf(body)?.kind,
          isCodeSent: body.emailCode !== undefined,
          status: 200,
          notice: refusal(wordsOf(flow.catalogues, caller), problem),
        }),
    }),
  ];
}

function isRecent({ clock, stepUpSeconds }: StepUpPages, { authTime }: Principal): boolean {
  return clock.now().getTime() - authTime.getTime() <= stepUpSeconds * 1000;
}

/** A path that is not allowed leads to the account: pages of ours name an allowed one. */
function destinationOf(text: string | undefined): OwnPath {
  const path = text === undefined ? undefined : toOwnPath(text);
  return path === undefined || path.startsWith(stepUpPath) ? accountPath : path;
}

/** The content of the form. */
interface Shown {
  readonly continueTo: OwnPath;
  /** The preferred kind of proof, if the user can give it. */
  readonly wanted?: ProofKind | undefined;
  /** Whether a code was mailed, so that the form has a field for it. */
  readonly isCodeSent?: boolean;
  readonly status: number;
  readonly complaint?: string;
  readonly notice?: Html;
}

async function submit(flow: StepUpPages, typed: Typed, principal: Principal, caller: Caller): Promise<PageResponse> {
  const continueTo = destinationOf(typed.continue);
  const proof = proofOf(typed);
  if (typed.act === 'email_code') return mailCode(flow, continueTo, principal, caller);
  if (proof === undefined) return formPage(flow, principal, caller, { continueTo, status: 422 });
  try {
    const issued = await stepUp(flow, proof, principal, caller);
    return { kind: 'redirect', location: continueTo, cookies: sessionCookies(issued) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const shown = { continueTo, wanted: proof.kind, isCodeSent: proof.kind === 'mailbox_code' } as const;
    return refusedPage(flow, principal, caller, shown, error);
  }
}

/** Mails a code to a user without any other proof, and shows the field for it. */
async function mailCode(
  flow: StepUpPages,
  continueTo: OwnPath,
  principal: Principal,
  caller: Caller,
): Promise<PageResponse> {
  try {
    await requestCode(flow, principal, caller);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return refusedPage(flow, principal, caller, { continueTo }, error);
  }
  const notice = statusNote(wordsOf(flow.catalogues, caller).say('page.step_up.code_sent'));
  return formPage(flow, principal, caller, { continueTo, status: 200, notice, isCodeSent: true });
}

/** The form again with the reason of a refusal, or throws one that the form has no words for. */
function refusedPage(
  flow: StepUpPages,
  principal: Principal,
  caller: Caller,
  shown: Omit<Shown, 'status'>,
  problem: Problem,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { code, status } = problem;
  const isMailed = shown.isCodeSent === true && code === 'invalid_code';
  const complaint = isMailed ? 'page.step_up.wrong_email_code' : complaints[code];
  if (complaint === undefined) throw problem;
  return formPage(flow, principal, caller, { ...shown, status, complaint: words.say(complaint) });
}

const complaints: Partial<Readonly<Record<ProblemCode, string>>> = {
  invalid_password: 'page.step_up.wrong_password',
  invalid_code: 'page.second_factor.wrong',
  invalid_passkey: 'page.passkey.refused',
  unknown_passkey: 'page.passkey.unknown',
};

/** Exactly one proof; undefined for none and for several, and for a response that is none, as without a script. */
function proofOf({ password, code, recoveryCode, emailCode, credential }: Typed): TypedProof | undefined {
  const passkey = credential === undefined ? undefined : readCredential(credential, authenticationResponseSchema);
  const proofs: readonly TypedProof[] = [
    ...(password === undefined ? [] : [{ kind: 'password', password } as const]),
    ...(code === undefined ? [] : [{ kind: 'totp', code } as const]),
    ...(recoveryCode === undefined ? [] : [{ kind: 'recovery_code', code: recoveryCode } as const]),
    ...(emailCode === undefined ? [] : [{ kind: 'mailbox_code', code: emailCode } as const]),
    ...(passkey === undefined ? [] : [{ kind: 'passkey', passkey } as const]),
  ];
  return proofs.length === 1 ? proofs[0] : undefined;
}

async function formPage(
  flow: StepUpPages,
  principal: Principal,
  caller: Caller,
  { continueTo, wanted, status, complaint, notice, isCodeSent = false }: Shown,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const offers = acceptsPasskeys(flow.passkeys);
  const all = await acceptedFactors(flow, principal);
  const accepted = preferred.filter((factor) => all.includes(factor) && (factor !== 'passkey' || offers));
  const kind = wanted !== undefined && accepted.includes(wanted) ? wanted : accepted[0];
  const body =
    kind === undefined
      ? signInAgain(words, continueTo)
      : html`${notice}${proofForm(words, principal, { kind, continueTo, complaint, isCodeSent })}
${otherProofs(words, accepted, kind, continueTo)}`;
  const lead = say(`page.step_up.${kind ?? 'nothing'}`);
  const script = kind === 'passkey' ? passkeyScriptPath : undefined;
  const document = page({
    title: say('page.step_up.title'),
    lead,
    words,
    body,
    script,
    beneath: signedInAs(words, principal),
  });
  return { kind: 'html', status, html: document };
}

interface ProofForm {
  readonly kind: ProofKind;
  readonly continueTo: OwnPath;
  readonly complaint: string | undefined;
  readonly isCodeSent: boolean;
}

function proofForm(words: PageWords, { email }: Principal, form: ProofForm): Html {
  const { kind, continueTo, complaint } = form;
  if (kind === 'mailbox_code') return mailedCodeForms(words, form);
  if (kind === 'passkey') return keyForm(words, form);
  const content = html`${hiddenField('continue', continueTo)}
${fieldOf(words, kind, complaint, email)}
${button({ label: words.say('page.step_up.submit') })}`;
  return postForm(stepUpPath, content);
}

function keyForm(words: PageWords, { continueTo, complaint }: ProofForm): Html {
  const options = { url: '/api/v1/auth/step-up/options' };
  const choice = { label: words.say('page.passkey_step.submit'), mode: 'button', options } as const;
  return html`${complaint !== undefined && alert(complaint)}
${passkeyForm(stepUpPath, words, [choice], hiddenField('continue', continueTo))}`;
}

/** A form for the code once it was mailed, and one that requests it. */
function mailedCodeForms(words: PageWords, { continueTo, complaint, isCodeSent }: ProofForm): Html {
  const { say } = words;
  const code = html`${hiddenField('continue', continueTo)}
${codeField(words, complaint, 'emailCode')}
${button({ label: say('page.step_up.submit') })}`;
  const request = { label: say('page.step_up.send_code'), name: 'act', value: 'email_code' } as const;
  const ask = html`${hiddenField('continue', continueTo)}
${isCodeSent ? button({ ...request, kind: 'plain', skipsFields: true }) : button(request)}`;
  return html`${isCodeSent && postForm(stepUpPath, code)}
${postForm(stepUpPath, ask)}`;
}

/** With the email before the password, a password manager finds the account's password. */
function fieldOf(words: PageWords, kind: ProofKind, complaint: string | undefined, email: string | null): Html {
  const { say } = words;
  if (kind === 'totp') return codeField(words, complaint);
  if (kind === 'recovery_code') return recoveryCodeField(say('page.recovery_code.label'), complaint);
  return html`${email !== null && usernameField(words, email)}
${passwordField(words, {
  name: 'password',
  label: say('page.login.password'),
  autocomplete: 'current-password',
  hasFocus: true,
  complaint,
})}`;
}

/** The links to the other proofs that the user can give. */
function otherProofs(
  { say }: PageWords,
  accepted: readonly ProofKind[],
  shown: ProofKind,
  continueTo: OwnPath,
): Html | undefined {
  const here = withContinue(stepUpPath, continueTo);
  const [first] = accepted;
  const links = accepted
    .filter((kind) => kind !== shown)
    .flatMap((kind) => {
      if (kind === first) return { path: here, text: firstProof[kind] };
      if (kind === 'passkey') return { path: `${here}&with=passkey` as const, text: firstProof[kind] };
      return kind === 'recovery_code' ? { path: `${here}&with=recovery_code` as const, text: firstProof[kind] } : [];
    });
  if (links.length === 0) return undefined;
  return html`${or(say('page.login.or'))}${stack(
    ...links.map(({ path, text }, index) =>
      linkButton({ label: say(text), path, kind: index === 0 ? 'plain' : 'quiet' }),
    ),
  )}`;
}

/** The account that is asked for a proof, and the way to the account, where nothing is changed. */
function signedInAs({ say }: PageWords, { email }: Principal): Html {
  const back = html`<a href="${accountPath}">${say('page.step_up.cancel')}</a>`;
  return email === null
    ? back
    : html`<span>${say('page.step_up.signed_in_as')} <b><bdi>${email}</bdi></b></span> ${back}`;
}

/** The text of the link to each proof that can be the first choice. */
const firstProof: Readonly<Record<ProofKind, string>> = {
  totp: 'page.recovery_code.use_app',
  password: 'page.step_up.use_password',
  passkey: 'page.passkey_step.use',
  recovery_code: 'page.second_factor.use_recovery_code',
  mailbox_code: 'page.step_up.send_code',
};

/** A user with neither a password nor a second factor. */
function signInAgain({ say }: PageWords, continueTo: OwnPath): Html {
  const content = html`${hiddenField('act', 'switch')}
${hiddenField('continue', continueTo)}
${button({ label: say('page.step_up.sign_in_again') })}`;
  return postForm('/logout', content);
}
