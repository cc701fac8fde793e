/** Every Content-Security-Policy of the product, judged by Google's CSP Evaluator. */
import { CspEvaluator } from 'csp_evaluator/dist/evaluator.js';
import { Severity } from 'csp_evaluator/dist/finding.js';
import { CspParser } from 'csp_evaluator/dist/parser.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { mailedToken, register, uniqueEmail } from './support/user-actions.ts';
import { expectedOperations } from './surface/operations.ts';

/** The findings that count as severe; `SYNTAX` is a policy that browsers do not understand. */
const severe: ReadonlySet<Severity> = new Set([
  Severity.HIGH,
  Severity.SYNTAX,
  Severity.MEDIUM,
  Severity.HIGH_MAYBE,
  Severity.STRICT_CSP,
  Severity.MEDIUM_MAYBE,
]);

/** Of pages with scripts: we serve no uploads, no JSONP and no library, and no page writes markup (Trusted Types). */
const ownScripts = "'self' can be problematic if you host JSONP, AngularJS or user uploaded files.";

function findingsOf(policy: string): string[] {
  const findings = new CspEvaluator(new CspParser(policy).csp).evaluate();
  return findings.filter(({ severity }) => severe.has(severity)).map(({ description }) => description);
}

describe('the content security policy', () => {
  let app: Application;
  const policies = new Map<string, Set<string>>();
  let requests = 0;

  async function request(method: string, path: string, sent: Parameters<Application['send']>[2] = {}): Promise<void> {
    const { headers, status } = await app.send(method, path, sent);
    requests += 1;
    const kind = `${headers.get('content-type')?.split(';')[0]} ${status}`;
    policies.set(kind, (policies.get(kind) ?? new Set()).add(headers.get('content-security-policy') ?? 'none'));
  }

  beforeAll(async () => {
    app = await Application.open({ env: loginMethodsEnabled });
    const email = uniqueEmail();
    await register(app, email);
    const token = await mailedToken(app, email);
    await request('GET', `/verify-email?token=${token}`);
    await request('POST', '/verify-email', { form: { token, choice: 'verify' }, headers: { cookie: 'none=1' } });
    for (const { method, path, query, body, form } of expectedOperations) {
      const target = path.replace('{id}', '01890000-0000-7000-8000-000000000000').replace('{provider}', 'none');
      await request(method, query === undefined ? target : `${target}?${query}`, {
        ...(body && { json: body }),
        ...(form && { form }),
      });
      await request(method, `${target}?%zz`);
      await request('PUT', target);
    }
    await request('GET', '/nothing');
    return () => app.close();
  });

  it('is sent with every page, every API response and every problem', () => {
    const pagesAndProblems = [...policies].filter(([kind]) => /html|problem/.test(kind));
    expect(pagesAndProblems.filter(([, sent]) => sent.has('none'))).toEqual([]);
    expect([...policies.keys()]).toEqual(
      expect.arrayContaining(['text/html 200', 'text/html 400', 'text/html 403', 'application/problem+json 401']),
    );
    expect(requests).toBeGreaterThan(100);
  });

  it('has no finding of medium or high severity and allows no third party and no inline code', () => {
    const sent = new Set(
      [...policies.values()].flatMap((policiesOfKind) => [...policiesOfKind]).filter((policy) => policy !== 'none'),
    );
    // The HTML of a mail has inline styles. Its sandbox is opaque: it runs no script and reaches nothing of ours.
    const ofMails = [...sent].filter((policy) => policy.endsWith('; sandbox'));
    expect(ofMails).toEqual([
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'; " +
        "base-uri 'none'; sandbox",
    ]);
    expect(sent.size).toBe(5);
    for (const policy of sent.difference(new Set(ofMails))) {
      const expected = policy.includes('script-src') ? [ownScripts] : [];
      expect([policy, findingsOf(policy)]).toEqual([policy, expected]);
      expect(policy).not.toMatch(/unsafe|https?:|\*|data:|blob:/);
      expect(policy).toContain("frame-ancestors 'none'");
    }
  });

  it.each([
    "script-src 'unsafe-inline'",
    "default-src 'self'; script-src *",
    "script-src 'self'; object-src 'none'",
    "script-src https:; base-uri 'none'",
    "defualt-src 'none'",
  ])('the evaluator finds a fault in %s', (policy) => {
    expect(findingsOf(policy)).not.toEqual([]);
  });
});
