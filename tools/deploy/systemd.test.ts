import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../steps.ts';
import { readEnvironmentFile, settingMistakes } from './deployed-settings.ts';
import { environmentOf, readUnit, unitFaults } from './systemd-rules.ts';

const read = (name: string) => readFileSync(join(root, 'deploy/systemd', name), 'utf8');
const unit = read('latchkey.service');

/** As systemd completes them. */
const settingsOf = (text: string) => {
  const own = Object.entries(environmentOf(readUnit(unit))).map(([name, value]) => [
    name,
    value.replace('%d', '/run/credentials').replace('%S', '/var/lib').replace('%N', 'latchkey'),
  ]);
  return { ...(Object.fromEntries(own) as Record<string, string>), ...readEnvironmentFile(text) };
};

describe('latchkey.service', () => {
  it('breaks no rule', () => {
    expect(unitFaults(readUnit(unit))).toEqual([]);
  });

  it.each([
    ['RestartPreventExitStatus=78\n', '', 'a bad configuration is started again and again'],
    ['Restart=always', 'Restart=no', 'a crash is not started again'],
    ['TimeoutStopSec=45', 'TimeoutStopSec=10', 'it is killed before its orderly stop ends'],
    ['KillSignal=SIGTERM', 'KillSignal=SIGKILL', 'it is stopped by another signal'],
    ['User=latchkey\n', '', 'it runs as root'],
    ['CapabilityBoundingSet=\n', '', 'it keeps capabilities'],
    ['NoNewPrivileges=yes', 'NoNewPrivileges=no', 'it can gain privileges'],
    ['ProtectSystem=strict', 'ProtectSystem=full', 'it can write to the system'],
    [' --disable-sigusr1', '', 'SIGUSR1 opens the debugger'],
    ['NODE_ENV=production', 'NODE_ENV=test', 'the mode is not production'],
    ['LockPersonality=yes', 'MemoryDenyWriteExecute=yes', 'V8 cannot compile'],
    ['~@privileged', '~@privileged @resources', 'threads cannot lower their priority'],
    ['LoadCredential=kek:/etc/latchkey/kek\n', '', 'LATCHKEY_KEK is no credential'],
    ['SMTP_URL_FILE=%d/smtp-url', 'SMTP_URL=smtp://localhost', 'SMTP_URL is no credential'],
  ])('%j instead of %j is refused', (old, replacement, sentence) => {
    expect(unit).toContain(old);
    expect(unitFaults(readUnit(unit.replace(old, replacement)))).toContain(sentence);
  });

  it('and its file of settings are accepted by the product; an unknown name and a wrong value are not', async () => {
    const settings = read('latchkey.env');
    expect(await settingMistakes(settingsOf(settings), '/run/credentials')).toEqual([]);
    const unknown = await settingMistakes(settingsOf(`${settings}LATCHKEY_TRUSTED_PROXY=::1\n`), '/run/credentials');
    expect(unknown.join('\n')).toContain('LATCHKEY_TRUSTED_PROXY');
    const wrong = await settingMistakes(settingsOf(settings.replace('https://', 'http://')), '/run/credentials');
    expect(wrong.join('\n')).toContain('LATCHKEY_PUBLIC_URL');
  });
});
