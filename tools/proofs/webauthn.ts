/** 10,000 mutated passkey registrations and assertions: the server accepts none that `@simplewebauthn/server` rejects. */
import { type Comparison, compareWithLibrary } from '../../packages/server/test/webauthn/differential.ts';
import { drawSeed, readNumbers } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const numbers = readNumbers({ mutations: 10_000, seed: drawSeed() });
console.log(`seed ${numbers.seed}`);

const comparisons = await compareWithLibrary(numbers.mutations, numbers.seed);
const head = ['response', 'mutations', 'both accept', 'both reject', 'only we reject', 'faults'];
for (const line of tableLines(head, comparisons.map(toRow))) console.log(line);
for (const { kind, faults } of comparisons) for (const fault of faults) console.log(`${kind}: ${fault}`);
// A comparison in which one of them accepts nothing would show nothing.
const isMeaningful = comparisons.every(({ bothAccept, bothReject }) => bothAccept > 0 && bothReject > 0);
process.exitCode = isMeaningful && comparisons.every(({ faults }) => faults.length === 0) ? 0 : 1;

function toRow({ kind, mutations, bothAccept, bothReject, onlyWeReject, faults }: Comparison): (string | number)[] {
  return [kind, mutations, bothAccept, bothReject, onlyWeReject, faults.length];
}
