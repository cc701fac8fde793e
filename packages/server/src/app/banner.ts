/** What `serve` prints when it listens. */
import type { Roles, Running } from './running.ts';

/** The addresses, the first command, and the limits of this mode. */
export function banner({ services, inbox }: Running, roles: Roles): string {
  const { config, version } = services;
  const { publicUrl } = config.http;
  const operator = `http://${config.ops.host}:${config.ops.port}`;
  const lines = roles.http
    ? [
        `Latchkey ${version} is listening.`,
        '',
        `  API         ${publicUrl}/api/v1`,
        `  API docs    ${publicUrl}/docs`,
        ...(inbox === undefined ? [] : [`  Inbox       ${publicUrl}/dev/inbox`]),
        `  Operator    ${operator}/metrics, ${operator}/readyz?verbose`,
        '',
        '  First admin  node bin/latchkey.cjs user create --email you@example.com --name You --role admin',
      ]
    : [`Latchkey ${version} is working.`, '', `  Operator    ${operator}/metrics, ${operator}/readyz?verbose`];
  return `${[...lines, ...warnings(services, inbox !== undefined)].join('\n')}\n\n`;
}

function warnings({ config }: Running['services'], hasInbox: boolean): string[] {
  const sentences: string[] = [];
  if (config.mode !== 'production')
    sentences.push(`  This is ${config.mode} mode, for this machine only. Set NODE_ENV=production to serve others.`);
  if (hasInbox) sentences.push('  Emails stay in the built-in inbox and are not sent.');
  if (config.database.kind === 'embedded') {
    sentences.push(
      `  Data is in ${config.dataDirectory}. The embedded database survives a crash of the process, not of the machine.`,
    );
  }
  return sentences.length === 0 ? [] : ['', ...sentences];
}
