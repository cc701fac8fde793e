/** Keeps the time of this process at the database's, and tells operators when the machine's clock is wrong. */
import { type DeploymentClock, describeSkew, maxSkewMs } from '#kernel/deployment-clock.ts';
import { type Database, readServerFacts } from '#platform/database/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';

export class ClockSkew {
  readonly #clock: DeploymentClock;
  readonly #database: Database;
  readonly #logger: Logger;
  #isWarned = false;

  constructor(dependencies: {
    readonly clock: DeploymentClock;
    readonly database: Database;
    readonly logger: Logger;
  }) {
    this.#clock = dependencies.clock;
    this.#database = dependencies.database;
    this.#logger = dependencies.logger;
  }

  /** Measures again. Logs once when the clocks differ, and once when they agree again. */
  async measure(): Promise<void> {
    await this.#clock.follow(async () => (await readServerFacts(this.#database)).at);
    const sentence = this.describe();
    if (sentence !== undefined && !this.#isWarned)
      this.#logger.warn('the clock of this machine is wrong', { detail: sentence });
    if (sentence === undefined && this.#isWarned)
      this.#logger.info('the clocks of this machine and of the database agree again');
    this.#isWarned = sentence !== undefined;
  }

  /** A sentence for operators; undefined while the clocks agree. */
  describe(): string | undefined {
    const { skewMs } = this.#clock;
    if (Math.abs(skewMs) <= maxSkewMs) return undefined;
    return `the clock of this machine is ${describeSkew(skewMs)} that of the database, whose time is used; synchronize both with NTP`;
  }
}
