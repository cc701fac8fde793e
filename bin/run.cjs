#!/usr/bin/env node
'use strict';

const path = require('path');
const { launch } = require('./launch.cjs');

const script = process.argv[2];
if (script === undefined) {
  process.stderr.write('usage: node bin/run.cjs <script.ts> [arguments]\n');
  process.exit(2);
}

// Commands that the script starts as `node` use the Node that runs the script.
// On an older Node the child prepends this path again, and the child's entry takes precedence.
process.env.PATH = path.dirname(process.execPath) + path.delimiter + process.env.PATH;
launch(
  __filename,
  function () {
    return path.resolve(script);
  },
  process.argv.slice(3),
);
