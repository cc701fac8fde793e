/**
 * The address of a project at Sentry or a service that accepts its protocol (Sentry Developer Documentation, "Data Source Name").
 * No I/O.
 */
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';

export interface SentryDsn {
  /** The address of envelopes, with the public key of the project as a parameter. */
  readonly envelopeUrl: string;
  /** Without a secret key, which old DSNs have. */
  readonly dsn: string;
}

/** Parses SENTRY_DSN: `https://<key>@<host>/<project>`, with a path before the project where the service has one. */
export function parseSentryDsn(text: string): Parsed<SentryDsn> {
  if (!/^https?:\/\/[^\s\\?#]+$/.test(text) || !URL.canParse(text)) return unparsable('it is no http or https URL');
  const { protocol, host, username: key, pathname } = new URL(text);
  const [, path = '', project = ''] = /^((?:\/[\w.-]+)*)\/([0-9]{1,20})\/?$/.exec(pathname) ?? [];
  if (!/^[0-9a-z]{1,64}$/i.test(key)) return unparsable('it has no key before the @');
  if (project === '') return unparsable('its path does not end with the number of a project');
  const origin = `${protocol}//${host}${path}`;
  return parsed({
    envelopeUrl: `${origin}/api/${project}/envelope/?sentry_version=7&sentry_key=${key}`,
    dsn: `${protocol}//${key}@${host}${path}/${project}`,
  });
}
