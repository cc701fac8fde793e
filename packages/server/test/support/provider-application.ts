/** An application with a provider, for the tests of one file. */
import { Application, type AppResponse } from './application.ts';
import type { PageBrowser } from './page-browser.ts';
import { addFakeProvider, type KnownProvider } from './provider-logins.ts';

export interface ProviderApplication {
  readonly app: Application;
  readonly provider: KnownProvider;
  /** The session of a browser; undefined without one. */
  readonly sessionOf: (browser: PageBrowser) => Promise<{ readonly email: string; readonly amr: string[] }>;
  readonly close: () => Promise<void>;
}

export async function openProviderApplication(
  options: Parameters<typeof Application.open>[0] = {},
): Promise<ProviderApplication> {
  const app = await Application.open(options);
  const provider = await addFakeProvider(app);
  return {
    app,
    provider,
    sessionOf: async ({ cookie }) => {
      const { data } = await app.send<{ email: string; amr: string[] }>('GET', '/api/v1/auth/session', { cookie });
      return data;
    },
    close: async () => {
      await provider.fake.stop();
      await app.close();
    },
  };
}

export const locationOf = ({ headers }: AppResponse): string | null => headers.get('location');
