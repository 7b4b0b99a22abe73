/**
 * Puts what an installation needs into a folder: the built program, the npm packages that it loads, the documentation, and a list of
 * all that with licences. The project must be built, with its packages.
 *
 *     node tools/installation/main.ts --into FOLDER [--with kerberos] [--sbom FILE] [--node-licence FILE] [--debian FOLDER]
 *
 * --with adds an optional package. --sbom names the output of `npm sbom --sbom-format cyclonedx --package-lock-only`.
 * --node-licence says that Node comes with the installation, and names its licence. --debian also lists
 * Debian's packages in the file system of a folder.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../../src/version.ts';
import { billOfMaterials, contentsPage, debianPackages, licenceTexts } from './contents.ts';
import { isNeedless, neededPackages } from './node-packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Documents and files of the program, as patterns. */
const FILES = ['package.json', 'LICENSE', '*.md', 'bin/*', 'dist/**/*', 'docs/**/*'];
/** Documents for people who work on the project. */
const NOT_INSTALLED: ReadonlySet<string> = new Set(['CONTRIBUTING.md', 'dist/.built']);

const { values } = parseArgs({
  options: {
    into: { type: 'string' },
    with: { type: 'string', multiple: true, default: [] },
    sbom: { type: 'string' },
    'node-licence': { type: 'string' },
    debian: { type: 'string' },
  },
});
const { into, sbom, debian } = values;
const nodeLicence = values['node-licence'];
if (into === undefined) {
  console.error(
    'usage: main.ts --into FOLDER [--with PACKAGE] [--sbom FILE] [--node-licence FILE] [--debian FOLDER]',
  );
  process.exit(2);
}

const packages = neededPackages(ROOT, values.with);
for (const file of globSync(FILES, { cwd: ROOT }).filter((name) => !NOT_INSTALLED.has(name))) copy(file);
for (const { folder } of packages.filter(({ bundled }) => !bundled)) {
  const files = globSync('**/*', { cwd: join(ROOT, folder), exclude: ['node_modules'] });
  for (const file of files.filter((name) => !isNeedless(name))) copy(join(folder, file));
}
const contents = {
  version,
  node: nodeLicence === undefined ? undefined : process.versions.node,
  packages,
  debian: debian === undefined ? [] : debianPackages(debian),
};
writeFileSync(join(into, 'CONTENTS.md'), contentsPage(contents));
const licence = nodeLicence !== undefined && existsSync(nodeLicence) ? nodeLicence : undefined;
writeFileSync(join(into, 'LICENSES.txt'), licenceTexts(ROOT, packages, licence));
if (sbom !== undefined) {
  writeFileSync(join(into, 'sbom.cdx.json'), billOfMaterials(readFileSync(sbom, 'utf8'), contents));
}

/** Copies a file to the same place below the folder. Every user may read it. */
function copy(file: string): void {
  const from = join(ROOT, file);
  const mode = statSync(from);
  if (!mode.isFile() || into === undefined) return;
  const to = join(into, relative(ROOT, from));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
  chmodSync(to, (mode.mode & 0o111) === 0 ? 0o644 : 0o755);
}
