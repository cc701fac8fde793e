import { isIPv6 } from 'node:net';
import type { Config } from '#config/index.ts';

/** The operator's listener as a browser on this machine reaches it. No proxy serves it, so it is not below the public URL. */
export function operatorUrl({ ops: { host, port } }: Config): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
