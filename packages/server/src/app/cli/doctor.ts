/** `latchkey doctor`: checks the deployment and suggests a fix for each problem. It changes nothing. */
import type { Config } from '#config/index.ts';
import { hasEmbeddedDatabase, openDatabase } from '../open-database.ts';
import type { Services } from '../wiring.ts';
import type { DatabaseCommand } from './command.ts';
import { examineDatabase } from './doctor/database.ts';
import { type Finding, fail, warn } from './doctor/finding.ts';
import { examineRedis } from './doctor/redis.ts';
import {
  examineBrand,
  examineDataDirectory,
  examineMail,
  examinePublicUrl,
  examineSecretFiles,
} from './doctor/settings.ts';
import { silentWatchers } from './silent.ts';
import { inColumns } from './table.ts';

/** Exits with 1 if a check fails; warnings do not change the exit code. */
export const doctorCommand: DatabaseCommand = {
  needs: 'database',
  name: 'doctor',
  summary: 'Check this deployment and suggest a fix for each problem',
  arguments: [],
  options: {},
  run: async (_, config, services) => {
    // The directory first, because opening the database corrects its mode.
    const settings = [
      examinePublicUrl(config),
      examineBrand(config),
      examineDataDirectory(config),
      ...examineSecretFiles(config),
    ];
    const database = await onDatabase(config, services);
    const findings = [...settings, ...database, ...(await examineRedis(config)), await examineMail(config)];
    const rows = findings.flatMap((each) => {
      const line = [each.status, each.part, each.finding];
      return each.status === 'ok' ? [line] : [line, ['', '', `→ ${each.fix}`]];
    });
    const exitCode = findings.some(({ status }) => status === 'fail') ? 1 : 0;
    return { exitCode, text: inColumns(rows), data: findings.map((each) => ({ fix: null, ...each })) };
  },
};

async function onDatabase(config: Config, services: Services | undefined): Promise<Finding[]> {
  if (services !== undefined) return examineDatabase(config, services.database);
  if (config.database.kind === 'embedded' && !hasEmbeddedDatabase(config)) {
    return [warn('database', 'There is no embedded database yet.', createIt(config))];
  }
  const watchers = silentWatchers();
  try {
    const { database } = await openDatabase(config, watchers, 'existing');
    return await examineDatabase(config, database);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [fail('database', `The database cannot be used: ${reason}`, fixOf(config))];
  } finally {
    await watchers.resources.close();
  }
}

function createIt({ mode }: Config): string {
  return mode === 'production' ? 'Run: latchkey migrate up' : 'The first start creates it: latchkey serve';
}

function fixOf({ database }: Config): string {
  if (database.kind === 'embedded') return 'Restore the newest dump from the backup folder of the data directory.';
  return 'Check DATABASE_URL, and that the database server is running and accepts the login.';
}
