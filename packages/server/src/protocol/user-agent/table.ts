/** A text that the header contains, and what it is a sign of. */
type Row = readonly [mark: string, name: string];

/**
 * The first match counts, and most browsers also claim to be the ones that they descend from.
 * So derivatives stand before Chrome, Chrome before Safari, and the tools, which claim nothing, anywhere.
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

/** Phones before the desktop systems whose names their headers also contain. */
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
