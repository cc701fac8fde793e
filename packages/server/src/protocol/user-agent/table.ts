/** A substring of the header, and the name that it identifies. */
type Row = readonly [mark: string, name: string];

/**
 * The first match wins. Most browsers' headers also contain the names of the browsers that they derive from, so
 * derivatives of Chrome precede Chrome, and Chrome precedes Safari. Tools may be anywhere.
 */
export const browsers: readonly Row[] = [
  ['EdgA/', 'Edge'],
  ['EdgiOS/', 'Edge'],
  ['Edg/', 'Edge'],
  ['Edge/', 'Edge'],
  ['OPR/', 'Opera'],
  ['OPT/', 'Opera'],
  ['SamsungBrowser/', 'Samsung Internet'],
  ['Vivaldi/', 'Vivaldi'],
  ['YaBrowser/', 'Yandex Browser'],
  ['DuckDuckGo/', 'DuckDuckGo'],
  ['Ddg/', 'DuckDuckGo'],
  ['HeadlessChrome/', 'Headless Chrome'],
  ['Electron/', 'Electron'],
  ['FxiOS/', 'Firefox'],
  ['Firefox/', 'Firefox'],
  ['CriOS/', 'Chrome'],
  ['Chromium/', 'Chromium'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
  ['curl/', 'curl'],
  ['Wget/', 'Wget'],
  ['HTTPie/', 'HTTPie'],
  ['PostmanRuntime/', 'Postman'],
  ['insomnia/', 'Insomnia'],
  ['python-requests/', 'Python'],
  ['python-httpx/', 'Python'],
  ['Python-urllib/', 'Python'],
  ['aiohttp/', 'Python'],
  ['Go-http-client/', 'Go'],
  ['okhttp/', 'OkHttp'],
  ['Java/', 'Java'],
  ['Java-http-client/', 'Java'],
  ['Dart/', 'Dart'],
  ['CFNetwork/', 'Apple application'],
  ['undici', 'Node.js'],
  ['node', 'Node.js'],
];

/** Mobile systems precede the desktop systems whose names their headers also contain. */
export const operatingSystems: readonly Row[] = [
  ['iPhone', 'iOS'],
  ['iPod', 'iOS'],
  ['iPad', 'iPadOS'],
  ['Windows Phone', 'Windows Phone'],
  ['Android', 'Android'],
  ['CrOS', 'ChromeOS'],
  ['Windows', 'Windows'],
  ['Macintosh', 'macOS'],
  ['Mac OS X', 'macOS'],
  ['FreeBSD', 'FreeBSD'],
  ['OpenBSD', 'OpenBSD'],
  ['Linux', 'Linux'],
];
