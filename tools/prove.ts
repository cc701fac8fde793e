/**
 * `npm run prove`: lists the long proofs; `npm run prove <name> [arguments]` runs one.
 * A proof is a file in tools/proofs/ or e2e/proofs/ that prints its table and exits with 1 when it does not hold.
 * The comment on its first line is the claim.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundleProgram } from './bundle.ts';
import { listProofs } from './proof-list.ts';
import { endOnSignals, root } from './steps.ts';

endOnSignals();
const proofs = listProofs();
const [name, ...parameters] = process.argv.slice(2);
if (name === undefined) printProofs();
else await prove(name, parameters);

function printProofs(): void {
  const width = Math.max(0, ...proofs.map((proof) => proof.name.length));
  for (const proof of proofs) console.log(`${proof.name.padEnd(width)}  ${proof.claim}`);
  if (proofs.length === 0) console.log('there are no proofs yet');
}

async function prove(wanted: string, scriptArguments: readonly string[]): Promise<void> {
  const proof = proofs.find((candidate) => candidate.name === wanted);
  if (proof === undefined) {
    console.error(`no proof is called ${wanted}; "npm run prove" lists them`);
    process.exitCode = 2;
    return;
  }
  await bundleProgram(root);
  console.log(`${proof.name}: ${proof.claim}`);
  const child = spawn(process.execPath, [proof.path, ...scriptArguments], { cwd: root, stdio: 'inherit' });
  process.once('exit', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  console.log(code === 0 ? `${proof.name} holds` : `${proof.name} does not hold`);
  process.exitCode = code === 0 ? 0 : 1;
}
