/** A thousand registrations while the mail worker is killed ten times and every third delivery attempt is refused: no mail is lost, and each duplicate is recorded as in doubt. */
import { type MailReport, runExactKill, runMailTrial } from '../../packages/server/test/faults/mail-trial.ts';
import { drawSeed, readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const trial = readNumbers({ registrations: 1000, kills: 10, refuseEvery: 3, seed: drawSeed() });
console.log(`seed ${trial.seed}`);

const report = await withDatabase((url) => runMailTrial(url, trial));
for (const line of tableLines(['what', 'number'], toRows(report))) console.log(line);

const { deliveries, entry } = await withDatabase(runExactKill);
console.log('\nkilled between the 250 and the ledger:');
for (const line of tableLines(['delivery', 'Message-ID', 'link'], deliveries.map(toDelivery))) console.log(line);
console.log(`the ledger says ${entry?.state}, attempts ${entry?.outcomes.join(' ')}`);

const [first, second] = deliveries;
const isShown =
  deliveries.length === 2 &&
  first?.messageId === second?.messageId &&
  first?.links[0] === second?.links[0] &&
  entry?.outcomes.join(' ') === 'in_doubt accepted';
if (!isShown) console.log('the exact kill did not show one message twice with in_doubt');
for (const fault of report.faults) console.log(fault);
process.exitCode = isShown && report.faults.length === 0 ? 0 : 1;

function toRows(result: MailReport): (string | number)[][] {
  return [
    ['registered', result.registered],
    ['worker killed', result.kills],
    ['attempts refused with 451', result.refusals],
    ['attempts accepted', result.deliveries],
    ['without a mail that works', result.lost.length],
    ['received twice', result.duplicates],
    ['allowed twice (kills × sends in flight)', result.duplicatesAllowed],
    ['attempts in doubt', result.inDoubt],
    ['disagreements of ledger and SMTP server, and other faults', result.faults.length],
  ];
}

/** A delivery with its link shortened; the table shows that both links are equal. */
function toDelivery({ number, messageId, links }: (typeof deliveries)[number]): (string | number)[] {
  return [number, messageId, `…${links[0]?.slice(-12) ?? ''}`];
}

async function withDatabase<T>(run: (url: string) => Promise<T>): Promise<T> {
  await using postgres = await provideDatabase();
  return await run(postgres.url);
}
