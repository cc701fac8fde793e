/** Reads the files that a database URL names, so that the check and the connection use the same content. */
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import type { PostgresUrl } from '#protocol/connection-url/index.ts';
import type { DatabaseServer } from './config.ts';
import type { Sources } from './sources.ts';

/** The reason names a file, which is not secret. */
export function withCertificates(url: PostgresUrl, sources: Pick<Sources, 'files' | 'cwd'>): Parsed<DatabaseServer> {
  const { mode, rootCertificate, certificate, key } = url.tls;
  const contents: { ca?: string; cert?: string; key?: string } = {};
  for (const [name, path, option] of [
    ['sslrootcert', rootCertificate, 'ca'],
    ['sslcert', certificate, 'cert'],
    ['sslkey', key, 'key'],
  ] as const) {
    if (path === undefined) continue;
    const content = sources.files(resolve(sources.cwd, path));
    if (content.kind === 'absent') return unparsable(`its ${name} ${path} does not exist`);
    if (content.kind === 'unreadable') return unparsable(`its ${name} ${path} cannot be read (${content.reason})`);
    if (!content.text.includes('-----BEGIN ')) return unparsable(`its ${name} ${path} is not a PEM file`);
    contents[option] = content.text;
  }
  try {
    createSecureContext(contents);
  } catch {
    return unparsable('its sslrootcert, sslcert and sslkey cannot be used together');
  }
  return parsed({ ...url, tls: { mode, ...contents } });
}
