import type { CommandDeclaration } from '../command.ts';

/** `http2kafka serve`: runs the proxy. */
export const serve: CommandDeclaration = {
  name: 'serve',
  description: 'run the proxy',
  isDefault: true,
  action: async ({ settings }) => {
    const loaded = settings(false);
    if (!loaded) return 1;
    const { serve } = await import('./serve.ts');
    await serve(loaded.settings, loaded.notices);
    return undefined;
  },
};
