/** The one screen that `serve` prints. */
import type { Roles, Running } from './running.ts';

/** Where everything is, what to do first, and what this mode does not promise. */
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
  const said: string[] = [];
  if (config.mode !== 'production')
    said.push(`  This is ${config.mode} mode, for this machine only. Set NODE_ENV=production to serve others.`);
  if (hasInbox) said.push('  Mails go to the built-in inbox; nobody receives them.');
  if (config.database.kind === 'embedded') {
    said.push(
      `  Data is in ${config.dataDirectory}. The embedded database survives the death of the process, not of the machine.`,
    );
  }
  return said.length === 0 ? [] : ['', ...said];
}
