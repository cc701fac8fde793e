import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { html } from '../../packages/server/src/platform/html/html.ts';

/** An application of another origin, whose callback redirects on to a third one. */
export interface ApplicationSite extends AsyncDisposable {
  /** Lists the links of its first page, and has the callback. */
  readonly origin: string;
  /** The page that the callback redirects to. */
  readonly home: string;
}

/** @param links the targets of the first page, by their text. */
export async function openApplicationSite(
  links: (origin: string) => Readonly<Record<string, string>>,
): Promise<ApplicationSite> {
  const landing = await listen((_, response) => response('200', html`<h1>Home of the application</h1>`.toString()));
  const home = `http://127.0.0.1:${landing.port}/home`;
  const first = await listen((path, response) => {
    if (path.startsWith('/callback')) return response('302', '', home);
    const items = Object.entries(links(`http://localhost:${first.port}`)).map(
      ([text, target]) => html`<p><a href="${target}">${text}</a></p>`,
    );
    response('200', html`<h1>The application</h1>${items}`.toString());
  });
  return {
    origin: `http://localhost:${first.port}`,
    home,
    [Symbol.asyncDispose]: async () => {
      for (const { server } of [first, landing]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

type Respond = (status: '200' | '302', body: string, location?: string) => void;

async function listen(
  handle: (path: string, respond: Respond) => void,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(({ url = '/' }, response) =>
    handle(url, (status, body, location) => {
      const headers = { 'content-type': 'text/html; charset=utf-8', ...(location !== undefined && { location }) };
      response.writeHead(Number(status), headers).end(`<!doctype html><title>Application</title>${body}`);
    }),
  );
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}
