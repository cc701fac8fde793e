#!/usr/bin/env node
'use strict';

const path = require('path');
const { launch } = require('./launch.cjs');

const script = process.argv[2];
if (script === undefined) {
  process.stderr.write('usage: node bin/run.cjs <script.ts> [arguments]\n');
  process.exit(2);
}

// Whatever the script starts as `node` is then the Node that runs the script.
// On an older Node this prefix is put in front again by the child, and wins.
process.env.PATH = path.dirname(process.execPath) + path.delimiter + process.env.PATH;
launch(__filename, path.resolve(script), process.argv.slice(3));
