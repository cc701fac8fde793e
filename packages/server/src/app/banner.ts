/** The text that `serve` and `work` print at start. */
import type { Roles, Running } from './running.ts';

/** Lists the addresses, the first step, and warnings about the mode. */
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
        ...(inbox === undefined ? [] : [`  Inbox       ${operator}/dev/inbox`]),
        `  Operator    ${operator}/metrics, ${operator}/readyz?verbose`,
        '',
        '  First admin  node bin/latchkey.cjs user create --email you@example.com --name You --role admin',
      ]
    : [`Latchkey ${version} is running jobs.`, '', `  Operator    ${operator}/metrics, ${operator}/readyz?verbose`];
  return `${[...lines, ...warnings(services, inbox !== undefined)].join('\n')}\n\n`;
}

function warnings({ config }: Running['services'], hasInbox: boolean): string[] {
  const lines: string[] = [];
  if (config.mode !== 'production')
    lines.push(`  The mode is ${config.mode}, for use on this machine. Set NODE_ENV=production for other users.`);
  if (hasInbox) lines.push('  Emails go to the built-in inbox and are not delivered.');
  if (config.database.kind === 'embedded') {
    lines.push(
      `  Data is in ${config.dataDirectory}. The embedded database survives a crash of the process, but may lose data`,
      '  when the machine crashes.',
    );
  }
  return lines.length === 0 ? [] : ['', ...lines];
}
