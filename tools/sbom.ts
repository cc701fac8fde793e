/** `npm run sbom [cyclonedx|spdx]`: prints the bill of materials of what runs in production. */
import { formats, makeSbom } from './bill-of-materials.ts';

const [wanted = 'cyclonedx', ...rest] = process.argv.slice(2);
const format = formats.find((each) => each === wanted);
if (format === undefined || rest.length > 0) {
  console.error(`usage: npm run sbom [${formats.join('|')}]`);
  process.exitCode = 2;
} else process.stdout.write(makeSbom(format));
