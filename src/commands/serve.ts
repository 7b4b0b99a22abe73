import type { CommandDeclaration } from './command.ts';

/** `http2kafka serve`: runs the proxy. */
export const serve: CommandDeclaration = {
  name: 'serve',
  description: 'run the proxy',
  isDefault: true,
  settings: 'all',
  action: async ({ settings, load }) => {
    const loaded = settings(false);
    if (!loaded) return 1;
    const { runProxy } = await import('../proxy/proxy.ts');
    await runProxy(loaded, () => load(false));
    return undefined;
  },
};
