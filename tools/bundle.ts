/**
 * Bundles the program into dist/: the proxy in dist/program, and all other commands in dist/commands. Loading the packages
 * file by file takes three times as long. Their unused code also makes the heap larger, which costs V8 time at each garbage
 * collection.
 */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  build,
  type BuildOptions,
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
    // Validators of options that the program does not use: compiling them takes a sixth of the start. Without them, the
    // package that makes them is not used either.
    bundle.onLoad({ filter: /\/@platformatic\/kafka\/.*[.]js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const calls = /(?<=^|= )(?=new Ajv2020\(|ajv\.(?:compile|addKeyword)\()/gm;
      return { contents: source.replaceAll(calls, '/* @__PURE__ */ ') };
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

/** Where what a command loads is, from dist/. */
const commandFile = (path: string) =>
  `commands/${relative(join(root, 'src'), path)
    .replaceAll('/', '-')
    .replace(/[.]ts$/, '')}`;

/**
 * Notes in `found` what commands other than `serve` load when they run, and leaves it out of the bundle of the proxy. Code
 * that only some of them share is a file of its own. So one bundle of all would cut the proxy into 80 files, not 20. Then
 * it has 5 MB more when it starts: resolving 80 names is so much work that V8 compiles it with all its means.
 */
const leaveOutOtherCommands = (found: Set<string>): Plugin => ({
  name: 'leave-out-other-commands',
  setup(bundle) {
    bundle.onResolve({ filter: /^[.]/ }, ({ path, kind, importer, resolveDir }) => {
      const isOther = /\/src\/commands\/(?!serve[.])/.test(importer);
      if (kind !== 'dynamic-import' || !isOther) return undefined;
      const file = join(resolveDir, path);
      found.add(file);
      // As seen from dist/program.
      return { path: `../${commandFile(file)}.js`, external: true };
    });
  },
});

const folder = join(root, 'dist');
for (const old of ['main.js', 'program', 'commands', 'page'])
  rmSync(join(folder, old), { recursive: true, force: true });

const settings = {
  absWorkingDir: root,
  outdir: folder,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  external: [...WITH_FILES, ...OPTIONAL, ...NOT_TAKEN],
  banner: { js: COMMONJS_NAMES },
  logLevel: 'warning',
  metafile: true,
} satisfies BuildOptions;
const plugins = [leaveOutWhatIsNotUsed, readHttpAsItIsNeeded];

const otherCommands = new Set<string>();
const proxy = await build({
  ...settings,
  entryPoints: ['src/main.ts'],
  chunkNames: 'program/[name]-[hash]',
  plugins: [leaveOutOtherCommands(otherCommands), ...plugins],
});
const commands = await build({
  ...settings,
  entryPoints: Object.fromEntries([...otherCommands].map((file) => [commandFile(file), file])),
  chunkNames: 'commands/[name]-[hash]',
  plugins,
});

const bundled = new Set([proxy, commands].flatMap(({ metafile }) => foldersOfPackages(metafile)));
const beside = [...WITH_FILES, ...OPTIONAL];
// What the page at `/` loads from the proxy.
cpSync(join(root, 'src', 'page', 'assets'), join(folder, 'page'), { recursive: true });
writeFileSync(
  join(folder, 'packages.json'),
  `${JSON.stringify({ bundled: [...bundled].sort(), beside, optional: OPTIONAL }, null, 2)}\n`,
);
