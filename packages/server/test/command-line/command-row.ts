import type { DeploymentKind } from './deployments.ts';

/** A command line and its expected result; reviewed by hand, never computed from the commands. */
export type CommandRow = {
  readonly command: string;
  readonly argv?: readonly string[];
  readonly input?: string;
  /** Default: 0. */
  readonly exit?: number | Readonly<Record<DeploymentKind, number>>;
  /** Matches standard output if the command exits with 0, else standard error; by deployment where they differ. */
  readonly output: RegExp | Readonly<Record<DeploymentKind, RegExp>>;
};
