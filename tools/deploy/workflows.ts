/** The rules that the workflows in .github/workflows keep, beyond those of actionlint. */
import { parseDocument } from 'yaml';

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly 'continue-on-error'?: unknown;
}

interface Job {
  readonly uses?: string;
  readonly 'runs-on'?: unknown;
  readonly permissions?: unknown;
  readonly secrets?: unknown;
  readonly steps?: readonly Step[];
  readonly 'timeout-minutes'?: number;
  readonly 'continue-on-error'?: unknown;
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** One sentence for each broken rule of a workflow. */
export function workflowFaults(text: string): string[] {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) return document.errors.map(({ message }) => message);
  const workflow = document.toJS() as Workflow;
  const jobs = Object.entries(workflow.jobs).flatMap(([name, job]) =>
    jobFaults(job).map((sentence) => `${name}: ${sentence}`),
  );
  return [...topFaults(workflow), ...jobs, ...pinFaults(text)];
}

function topFaults({ on, permissions }: Workflow): string[] {
  // They run with the rights of the repository on code of a stranger.
  const privileged = ['pull_request_target', 'workflow_run', 'issue_comment'].filter((event) => event in on);
  const none = typeof permissions === 'object' && permissions !== null && Object.keys(permissions).length === 0;
  return [...privileged.map((event) => `runs on ${event}`), ...(none ? [] : ['the permissions at the top are not {}'])];
}

function jobFaults(job: Job): string[] {
  const faults: string[] = [];
  if (typeof job.permissions !== 'object') faults.push('declares no permissions');
  if (job.secrets === 'inherit') faults.push('hands on every secret');
  if (job['continue-on-error'] !== undefined) faults.push('passes when it fails');
  if (job.uses !== undefined) return faults;
  if (job['timeout-minutes'] === undefined) faults.push('has no timeout');
  if (typeof job['runs-on'] !== 'string' || !/-\d/.test(job['runs-on']))
    faults.push('runs on a machine without a version');
  return [...faults, ...(job.steps ?? []).flatMap(stepFaults)];
}

function stepFaults({ uses = '', run = '', with: inputs = {}, ...step }: Step): string[] {
  const faults: string[] = [];
  if (uses.startsWith('actions/checkout@') && inputs['persist-credentials'] !== false)
    faults.push('the checkout leaves its credentials behind');
  if (run.includes('${{')) faults.push(`an expression is pasted into a program: ${run.split('\n')[0]}`);
  if (step['continue-on-error'] !== undefined) faults.push(`the step "${step.name ?? uses}" passes when it fails`);
  return faults;
}

/** The version is a comment, which only the text has. */
function pinFaults(text: string): string[] {
  const lines = text.split('\n').map((line) => /^\s*(?:- )?uses: (.*)$/.exec(line)?.[1] ?? '');
  return lines
    .filter((uses) => uses !== '' && !uses.startsWith('./'))
    .filter((uses) => !/^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses))
    .map((uses) => `"${uses}" is not pinned by a hash, with its version`);
}

/** Each action with its hash, to compare them between workflows. */
export function pins(text: string): [action: string, hash: string][] {
  return [...text.matchAll(/uses: ([\w-]+\/[\w-]+)\S*@([0-9a-f]{40})/g)].map(([, action = '', hash = '']) => [
    action,
    hash,
  ]);
}
