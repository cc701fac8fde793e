#!/usr/bin/env node
'use strict';

const path = require('path');
const { root } = require('./find-node.cjs');
const { launch } = require('./launch.cjs');

const isLongRunning = process.argv[2] === 'serve' || process.argv[2] === 'work';
launch(__filename, path.join(root, 'packages', 'server', 'src', 'app', 'main.ts'), process.argv.slice(2), {
  isLongRunning,
});
