/**
 * Bundles the program into dist/: one file for what every command needs and one for each command. Loading the packages
 * file by file, with all that they have and we do not use, takes three times as long, and makes the heap larger that V8
 * goes through again and again.
 */
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type OnResolveArgs, type OnResolveResult, type Plugin, type PluginBuild } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Packages with files of their own, which they look for where they are installed. */
const WITH_FILES = [
  '@node-rs/crc32',
  '@platformatic/wasm-utils',
  '@fastify/static',
  '@fastify/swagger',
  '@fastify/swagger-ui',
  // And it need not be there.
  'kerberos',
];

/** Large packages of which we use little. Loading their modules does nothing that can be noticed but define things. */
const ONLY_WHAT_IS_USED = ['@platformatic/kafka', 'typebox'];

/** Packages in CommonJS want these three, which modules do not have. */
const COMMONJS_NAMES = `
import { createRequire as createRequireOfBundle } from 'node:module';
import { dirname as dirnameOfBundle } from 'node:path';
import { fileURLToPath as pathOfBundle } from 'node:url';
const require = createRequireOfBundle(import.meta.url);
const __filename = pathOfBundle(import.meta.url);
const __dirname = dirnameOfBundle(__filename);
`;

const leaveOutWhatIsNotUsed: Plugin = {
  name: 'leave-out-what-is-not-used',
  setup(bundle) {
    const names = ONLY_WHAT_IS_USED.join('|');
    const inside = new RegExp(`/node_modules/(?:${names})/`);
    bundle.onResolve({ filter: new RegExp(`^(?:${names})(?:/|$)`) }, (args) =>
      withoutSideEffects(bundle, args),
    );
    bundle.onResolve({ filter: /^[.]/ }, (args) =>
      inside.test(args.importer) ? withoutSideEffects(bundle, args) : undefined,
    );
    // Validators of options that nobody gives: making them is a sixth of the start.
    bundle.onLoad({ filter: /\/@platformatic\/kafka\/.*[.]js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: source.replaceAll('= ajv.compile(', '= /* @__PURE__ */ ajv.compile(') };
    });
  },
};

/** A module's import of node:http reads all of its exports, and one of them, WebSocket, loads 30 files of undici. */
const readHttpAsItIsNeeded: Plugin = {
  name: 'read-http-as-it-is-needed',
  setup(bundle) {
    bundle.onResolve({ filter: /^(?:node:)?http$/ }, () => ({ path: 'node:http', namespace: 'built-in' }));
    bundle.onLoad({ filter: /.*/, namespace: 'built-in' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http');",
    }));
  },
};

/** Resolves as esbuild does, and has the module left out where nothing of it is used. */
async function withoutSideEffects(
  bundle: PluginBuild,
  { path, kind, importer, resolveDir, pluginData }: OnResolveArgs,
): Promise<OnResolveResult | undefined> {
  if (pluginData === leaveOutWhatIsNotUsed) return undefined;
  const found = await bundle.resolve(path, { kind, importer, resolveDir, pluginData: leaveOutWhatIsNotUsed });
  return { ...found, sideEffects: false };
}

const folder = join(root, 'dist');
for (const old of ['main.js', 'program']) rmSync(join(folder, old), { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outdir: folder,
  chunkNames: 'program/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  external: WITH_FILES,
  plugins: [leaveOutWhatIsNotUsed, readHttpAsItIsNeeded],
  banner: { js: COMMONJS_NAMES },
  logLevel: 'warning',
});
