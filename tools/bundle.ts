/**
 * Bundles the program into dist/: one file for what every command needs and one for each command. Loading the packages
 * file by file takes three times as long. Their unused code also makes the heap larger, which costs V8 time at each garbage
 * collection.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  build,
  type Metafile,
  type OnResolveArgs,
  type OnResolveResult,
  type Plugin,
  type PluginBuild,
} from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Packages that read files of their own from the folder in which they are installed. */
const WITH_FILES = [
  '@node-rs/crc32',
  '@platformatic/wasm-utils',
  '@fastify/static',
  '@fastify/swagger',
  '@fastify/swagger-ui',
];

/** Packages that need not be installed. */
const OPTIONAL = ['kerberos'];

/** A package can do without these. They are here only because a tool needs them, so they must not get into the program. */
const NOT_TAKEN = ['supports-color'];

/** Large packages with little used code. Their modules have no side effects when they are loaded. */
const ONLY_WHAT_IS_USED = ['@platformatic/kafka', 'typebox'];

/** CommonJS packages need these three names, which ES modules do not have. */
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
    // Validators of options that the program does not use: compiling them takes a sixth of the start.
    bundle.onLoad({ filter: /\/@platformatic\/kafka\/.*[.]js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: source.replaceAll('= ajv.compile(', '= /* @__PURE__ */ ajv.compile(') };
    });
  },
};

/** An import of node:http reads all of its exports. One of them, WebSocket, loads 30 files of undici. */
const readHttpAsItIsNeeded: Plugin = {
  name: 'read-http-as-it-is-needed',
  setup(bundle) {
    bundle.onResolve({ filter: /^(?:node:)?http$/ }, () => ({ path: 'node:http', namespace: 'built-in' }));
    bundle.onLoad({ filter: /.*/, namespace: 'built-in' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http');",
    }));
  },
};

/** Resolves as esbuild does, and marks the module so that esbuild leaves it out when nothing of it is used. */
async function withoutSideEffects(
  bundle: PluginBuild,
  { path, kind, importer, resolveDir, pluginData }: OnResolveArgs,
): Promise<OnResolveResult | undefined> {
  if (pluginData === leaveOutWhatIsNotUsed) return undefined;
  const found = await bundle.resolve(path, { kind, importer, resolveDir, pluginData: leaveOutWhatIsNotUsed });
  return { ...found, sideEffects: false };
}

/** The folders of the packages that have code in the bundle. An installation lists them with their licences. */
function foldersOfPackages({ outputs }: Metafile): readonly string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );
  const folders = files.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
  return [...new Set(folders)].sort();
}

const folder = join(root, 'dist');
for (const old of ['main.js', 'program']) rmSync(join(folder, old), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outdir: folder,
  chunkNames: 'program/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  external: [...WITH_FILES, ...OPTIONAL, ...NOT_TAKEN],
  plugins: [leaveOutWhatIsNotUsed, readHttpAsItIsNeeded],
  banner: { js: COMMONJS_NAMES },
  logLevel: 'warning',
  metafile: true,
});
writeFileSync(
  join(folder, 'packages.json'),
  `${JSON.stringify({ bundled: foldersOfPackages(metafile), beside: [...WITH_FILES, ...OPTIONAL], optional: OPTIONAL }, null, 2)}\n`,
);
