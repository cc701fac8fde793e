import { describe, expect, it } from 'vitest';
import { createLogger, type Logger } from '#platform/telemetry/index.ts';
import { OpenResources } from './open-resources.ts';

function capture(): { readonly logger: Logger; readonly warnings: () => Record<string, unknown>[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: 'warn', service: 'test', version: '0', destination });
  return { logger, warnings: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the resources of a process', () => {
  it('are closed once, in reverse order, each after the one opened later', async () => {
    const { logger, warnings } = capture();
    const resources = new OpenResources(logger);
    const events: string[] = [];
    for (const name of ['database', 'feed', 'listener']) {
      resources.add(name, async () => {
        events.push(`${name} closes`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} closed`);
      });
    }
    await Promise.all([resources.close(), resources.close()]);
    await resources.close();
    const order = ['listener', 'feed', 'database'];
    expect(events).toEqual(order.flatMap((name) => [`${name} closes`, `${name} closed`]));
    expect(warnings()).toEqual([]);
  });

  it('are all closed when one of them fails or does not end, which is logged with its name', async () => {
    const { logger, warnings } = capture();
    const resources = new OpenResources(logger);
    const closed: string[] = [];
    resources.add('first', () => closed.push('first'));
    resources.add('throws', () => {
      throw new Error('cannot close');
    });
    resources.add('rejects', () => Promise.reject(new Error('cannot close')));
    resources.add(
      'hangs',
      () => new Promise(() => undefined),
      () => 5,
    );
    resources.add('last', () => closed.push('last'));
    await resources.close();
    expect(closed).toEqual(['last', 'first']);
    expect(
      warnings().map(({ detail, error }) => [detail, (error as { message: string } | undefined)?.message]),
    ).toEqual([
      ['hangs', undefined],
      ['rejects', 'cannot close'],
      ['throws', 'cannot close'],
    ]);
  });

  it('that are opened after the closing began are closed at once, and the start ends', async () => {
    const resources = new OpenResources(capture().logger);
    await resources.close();
    const closed: string[] = [];
    expect(() => resources.add('late', () => closed.push('late'))).toThrow('The process is stopping.');
    await resources.close();
    expect(closed).toEqual(['late']);
  });
});
