/** What the configuration alone shows, and the files that it names. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '#config/index.ts';
import { parseSmtpUrl, Smtp } from '#platform/mail/index.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** The doctor does not wait as long for an SMTP server as a message would. */
const smtpTimeoutMs = 5000;

/** Whether links and tokens name an origin that others can reach. */
export function examinePublicUrl({ mode, http }: Config): Finding {
  const { hostname } = new URL(http.publicUrl);
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost') || /^127\.|^\[::1\]$/.test(hostname);
  if (mode === 'production' && isLocal)
    return warn('public URL', `${http.publicUrl} leads to this machine only.`, 'Set LATCHKEY_PUBLIC_URL.');
  if (mode !== 'production' && !isLocal)
    return warn('public URL', `${http.publicUrl} is public, and this is ${mode} mode.`, 'Set NODE_ENV=production.');
  return ok('public URL', `${http.publicUrl} (${mode} mode).`);
}

/** The data directory and what lies in it are ours alone. Looked at before anything opens it, since that narrows it. */
export function examineDataDirectory(config: Config): Finding {
  const part = 'data directory';
  const path = config.dataDirectory;
  if (!existsSync(path)) return ok(part, `${path} does not exist; it is made when it is needed.`);
  const { mode, uid } = statSync(path);
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own)
    return fail(part, `${path} belongs to user id ${uid}, and this is user id ${own}.`, `Run as user id ${uid}.`);
  if ((mode & 0o077) !== 0) return fail(part, `${path} is open to other users.`, `Run: chmod 700 ${path}`);
  const kek = join(path, 'kek');
  if (existsSync(kek) && (statSync(kek).mode & 0o077) !== 0)
    return fail(part, `${kek} is open to other users.`, `Run: chmod 600 ${kek}`);
  return ok(part, `${path} is this user's alone.`);
}

/** Connects to the mail server as for a message. */
export async function examineMail({ mail }: Config): Promise<Finding> {
  if (mail.smtpUrl === undefined)
    return warn('mail', 'Mails go to the built-in inbox; nobody receives them.', 'Set SMTP_URL.');
  const parsed = parseSmtpUrl(mail.smtpUrl);
  if (parsed.kind === 'invalid') return fail('mail', `SMTP_URL cannot be used: ${parsed.reason}.`, 'Correct SMTP_URL.');
  const { server } = parsed;
  const smtp = new Smtp({ server, connectTimeoutMs: smtpTimeoutMs, silenceTimeoutMs: smtpTimeoutMs });
  try {
    const reason = await smtp.probe();
    const place = `${server.host}:${server.port}`;
    if (reason === undefined) return ok('mail', `${place} takes our connection${server.auth ? ' and password' : ''}.`);
    const fix =
      'Check host, port, TLS, user and password in SMTP_URL, and that the server is up; mails wait meanwhile.';
    return fail('mail', `${place} does not take our connection: ${reason}.`, fix);
  } finally {
    await smtp.close();
  }
}
