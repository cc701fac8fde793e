/** `npm run format`: formats all files and applies the linter's safe fixes. */
import { binary, runGroups } from './steps.ts';

const command = [binary('@biomejs/biome/bin/biome'), 'check', '--write', '--colors=off', '.'];
const [result] = await runGroups([[{ name: 'format', command }]]);
process.exitCode = result?.ok === true ? 0 : 1;
