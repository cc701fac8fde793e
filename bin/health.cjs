#!/usr/bin/env node
'use strict';

// The health check of the container image, which has no shell and no curl. It exits with 0 when this process is ready, else with 1.

const http = require('http');

const port = process.env.LATCHKEY_OPS_PORT || '5626';
const host = process.env.LATCHKEY_OPS_HOST || '127.0.0.1';
const isEverywhere = host === '0.0.0.0' || host === '::';

/** @param {string} reason shown by "docker inspect". */
function fail(reason) {
  process.stderr.write(reason + '\n');
  process.exit(1);
}

const request = http.get({ host: isEverywhere ? '127.0.0.1' : host, port: port, path: '/readyz' }, function (response) {
  if (response.statusCode !== 200) fail('/readyz returned ' + response.statusCode);
  process.exit(0);
});
request.setTimeout(2000, function () {
  fail('/readyz did not respond within 2 s');
});
request.on('error', function (error) {
  fail('/readyz cannot be reached: ' + error.message);
});
