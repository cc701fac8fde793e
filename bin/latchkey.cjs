#!/usr/bin/env node
'use strict';

const isLongRunning = process.argv[2] === 'serve' || process.argv[2] === 'work';

// A request to read the secrets again, of which none has been read: it must not end the process before the program handles it.
if (isLongRunning && process.env.NODE_ENV === 'production') {
  process.on('SIGHUP', function () {
    return undefined;
  });
}

const { findProgram } = require('./find-program.cjs');
const { launch } = require('./launch.cjs');
launch(__filename, findProgram, process.argv.slice(2), { isLongRunning });
