/** The text that `serve` and `work` print at start. */
import type { Config } from '#config/index.ts';
import { themeChanges } from './brand.ts';
import { operatorUrl } from './operator-url.ts';
import type { Roles } from './running.ts';
import { version } from './version.ts';

/** Lists the addresses, the first step, and warnings about the mode. */
export function banner(config: Config, roles: Roles): string {
  const hasInbox = config.mail.smtp === undefined;
  const { publicUrl } = config.http;
  const operator = operatorUrl(config);
  const lines = roles.http
    ? [
        `Latchkey ${version} is listening.`,
        '',
        `  API         ${publicUrl}/api/v1`,
        `  API docs    ${publicUrl}/docs`,
        ...(!hasInbox ? [] : [`  Inbox       ${operator}/dev/inbox`]),
        `  Operator    ${operator}/metrics, ${operator}/readyz?verbose`,
        '',
        '  First owner  node bin/latchkey.cjs admin create you@example.com',
      ]
    : [`Latchkey ${version} is running jobs.`, '', `  Operator    ${operator}/metrics, ${operator}/readyz?verbose`];
  return `${[...lines, ...warnings(config, hasInbox)].join('\n')}\n\n`;
}

function warnings(config: Config, hasInbox: boolean): string[] {
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
  lines.push(...themeChanges(config.brand).map((change) => `  Kept readable: ${change}`));
  return lines.length === 0 ? [] : ['', ...lines];
}
