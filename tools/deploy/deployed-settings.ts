/** Reads the settings of a deployment by the parser of the product, with sample secrets in place of those of an operator. */
import { loadConfig } from '../../packages/server/src/config/index.ts';

/** By the name of their files. */
const sampleSecrets: Readonly<Record<string, string>> = {
  kek: Buffer.alloc(32, 1).toString('base64'),
  'database-url': 'postgres://latchkey:sample@postgres/latchkey',
  'smtp-url': 'smtps://user:sample@mail.example.com:465',
};

/** Lines of the form `NAME=value`, with comments, as systemd and compose read them. */
export function readEnvironmentFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [line, line];
      return [name, value.replace(/^"(.*)"$/, '$1')];
    }),
  );
}

/** The mistakes in these settings: one sentence for each, such as an unknown name. Secrets are read from `directory`. */
export async function settingMistakes(env: Readonly<Record<string, string>>, directory: string): Promise<string[]> {
  const loaded = await loadConfig({
    env,
    cwd: '/',
    files: (path) => {
      const secret = path.startsWith(`${directory}/`) ? sampleSecrets[path.slice(directory.length + 1)] : undefined;
      return secret === undefined ? { kind: 'absent' } : { kind: 'text', text: secret };
    },
  });
  return loaded.kind === 'ok' ? [...loaded.config.warnings] : [...loaded.mistakes];
}
