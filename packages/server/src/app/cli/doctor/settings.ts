/** Checks of the configuration and of the files that it names. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '#config/index.ts';
import { Smtp } from '#platform/mail/index.ts';
import { openBrand, themeChanges } from '../../brand.ts';
import { OperatorError } from '../../operator-error.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Shorter than the timeouts of a message, because the operator waits. */
const smtpTimeoutMs = 5000;

/** Checks that the origin of links and tokens fits the mode. */
export function examinePublicUrl({ mode, http }: Config): Finding {
  const { hostname } = new URL(http.publicUrl);
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost') || /^127\.|^\[::1\]$/.test(hostname);
  if (mode === 'production' && isLocal)
    return warn('public URL', `Only this machine can reach ${http.publicUrl}.`, 'Set LATCHKEY_PUBLIC_URL.');
  if (mode !== 'production' && !isLocal)
    return warn('public URL', `${http.publicUrl} is public, but the mode is ${mode}.`, 'Set NODE_ENV=production.');
  return ok('public URL', `${http.publicUrl} (${mode} mode).`);
}

/** Checks owner and mode of the data directory and the KEK. Call it before opening the directory, which corrects the mode. */
export function examineDataDirectory(config: Config): Finding {
  const part = 'data directory';
  const path = config.dataDirectory;
  if (!existsSync(path)) return ok(part, `${path} does not exist. It is created when needed.`);
  const { mode, uid } = statSync(path);
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own)
    return fail(part, `${path} belongs to user id ${uid}, but this is user id ${own}.`, `Run as user id ${uid}.`);
  if ((mode & 0o077) !== 0) return fail(part, `Other users can access ${path}.`, `Run: chmod 700 ${path}`);
  const kek = join(path, 'kek');
  if (existsSync(kek) && (statSync(kek).mode & 0o077) !== 0)
    return fail(part, `Other users can access ${kek}.`, `Run: chmod 600 ${kek}`);
  return ok(part, `Only this user can access ${path}.`);
}

/** Checks that other users cannot read the secrets, above all the KEK. */
export function examineSecretFiles({ secretFiles }: Config): Finding[] {
  const part = 'secret files';
  const open = secretFiles.filter(({ path }) => (statSync(path).mode & 0o077) !== 0);
  if (open.length === 0)
    return secretFiles.length === 0 ? [] : [ok(part, `Only this user can access the ${secretFiles.length} files.`)];
  return open.map(({ name, path }) => {
    const mode = (statSync(path).mode & 0o777).toString(8).padStart(4, '0');
    return warn(part, `Other users can access ${path} (${name}, mode ${mode}).`, `Run: chmod 600 ${path}`);
  });
}

/** Checks the logo and the texts, and names the colors that were moved to stay readable. */
export function examineBrand(config: Config): Finding {
  const part = 'brand';
  try {
    openBrand(config);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return fail(part, error.message, 'Correct the file, or remove the setting.');
  }
  const changes = themeChanges(config.brand).map((change) => `Kept readable: ${change}`);
  return ok(part, [`The pages are those of ${config.brand.name}.`, ...changes].join(' '));
}

/** Connects and logs in to the mail server without sending a message. */
export async function examineMail({ mail }: Config): Promise<Finding> {
  const { smtp: server, ehloName } = mail;
  if (server === undefined)
    return warn('mail', 'Emails go to the built-in inbox and are not delivered.', 'Set SMTP_URL.');
  const smtp = new Smtp({ server, ehloName, connectTimeoutMs: smtpTimeoutMs, silenceTimeoutMs: smtpTimeoutMs });
  try {
    const reason = await smtp.probe();
    const address = `${server.host}:${server.port}`;
    if (reason === undefined) return ok('mail', `${address} accepts the connection${server.auth ? ' and login' : ''}.`);
    const fix =
      'Check host, port, TLS, user and password in SMTP_URL, and that the server is running. Emails wait meanwhile.';
    return fail('mail', `${address} does not accept the connection: ${reason}.`, fix);
  } finally {
    await smtp.close();
  }
}
