/** `npm run generate [name]`: writes the generated files; with `--check` it lists the stale ones and fails. */
import { generators } from './generators.ts';
import { root } from './steps.ts';

process.chdir(root);
const isCheck = process.argv.includes('--check');
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const known = generators.map((generator) => generator.name);

const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no generator is called ${unknown.join(', ')}; there are: ${known.join(', ') || 'none'}`);
  process.exit(2);
}

for (const generator of generators) {
  if (names.length > 0 && !names.includes(generator.name)) continue;
  if (!isCheck) {
    await generator.run();
    console.log(`wrote ${generator.name}`);
  } else if (!(await generator.check())) {
    console.error(`${generator.name} is stale; run: npm run generate ${generator.name}`);
    process.exitCode = 1;
  }
}
