/**
 * Reads the secrets of the settings again at SIGHUP, and replaces those that the parts of the process can take while they
 * run. Nothing is replaced when the settings cannot be read or are invalid. The others need a restart, which is logged.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '#config/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { OperatorError } from './operator-error.ts';

/** Returns whether the value is used from now on; otherwise it needs a restart. */
type Replace<T> = (now: NonNullable<T>, before: NonNullable<T>) => boolean | Promise<boolean>;

interface Part {
  readonly name: string;
  readonly isChanged: (now: Config) => boolean;
  readonly take: (now: Config) => Promise<boolean>;
}

/** The parts of a process that use secrets. Each adds itself where it is opened. */
export class SecretUsers {
  readonly #config: Config;
  readonly #parts: Part[] = [];

  constructor(config: Config) {
    this.#config = config;
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  /**
   * A value that appears or disappears needs a restart.
   *
   * @param name the setting, for the log.
   * @param replace keeps the old value when it throws.
   */
  add<T>(name: string, read: (config: Config) => T, replace: Replace<T>): void {
    let current = read(this.#config);
    this.#parts.push({
      name,
      isChanged: (config) => !isDeepStrictEqual(read(config), current),
      take: async (config) => {
        const [now, before] = [read(config), current];
        const isKept = now !== undefined && now !== null && before !== undefined && before !== null;
        const isReplaced = isKept && (await replace(now, before));
        // A value that needs a restart is reported again at the next SIGHUP.
        if (isReplaced) current = now;
        return isReplaced;
      },
    });
  }
}

/** Whether a new connection with the new password reaches the same place as the old ones. */
export function differOnlyInPassword<T extends { readonly password: string | undefined }>(now: T, before: T): boolean {
  return isDeepStrictEqual({ ...now, password: '' }, { ...before, password: '' });
}

interface ReloadDeps {
  readonly users: SecretUsers;
  readonly logger: Logger;
  readonly loadConfig: () => Promise<Config>;
}

/** One reload runs at a time. A request during one causes another after it, because the secret may have changed since. */
export class SecretReload {
  readonly #deps: ReloadDeps;
  #isRequested = false;
  #running: Promise<void> | undefined;

  constructor(deps: ReloadDeps) {
    this.#deps = deps;
  }

  /** Resolves when the secrets were read since the call. Never rejects: a failure is logged, and the old secrets stay. */
  request(): Promise<void> {
    this.#isRequested = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isRequested) {
        this.#isRequested = false;
        await this.#reload();
      }
    } finally {
      this.#running = undefined;
    }
  }

  async #reload(): Promise<void> {
    const { users, logger } = this.#deps;
    const config = await this.#load();
    if (config === undefined) return;
    const changed = users.parts.filter((part) => part.isChanged(config));
    const replaced: string[] = [];
    for (const part of changed) if (await this.#replace(part, config)) replaced.push(part.name);
    logger.info('secrets were read again', {
      detail: `changed: ${replaced.length === 0 ? 'none' : replaced.join(', ')}`,
    });
  }

  async #load(): Promise<Config | undefined> {
    try {
      return await this.#deps.loadConfig();
    } catch (error) {
      const cause = error instanceof OperatorError ? { detail: error.message.replaceAll('\n', ' ') } : { error };
      this.#deps.logger.warn('secrets could not be read again, and the old ones stay', cause);
      return undefined;
    }
  }

  async #replace(part: Part, config: Config): Promise<boolean> {
    const { logger } = this.#deps;
    try {
      const isReplaced = await part.take(config);
      if (!isReplaced) logger.warn('a changed secret takes effect at the next start', { detail: part.name });
      return isReplaced;
    } catch (error) {
      logger.warn('a secret could not be replaced, and the old one stays', { detail: part.name, error });
      return false;
    }
  }
}
