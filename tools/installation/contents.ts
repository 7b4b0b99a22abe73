// What an installation contains, with licences: as a page for people, and as a list for scanners (CycloneDX).
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { noticeFiles, type NodePackage } from './node-packages.ts';

/** A package of Debian in an image. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The names of its licences, in the words of its file `copyright`. Empty when the file has no such list. */
  readonly licences: readonly string[];
}

/** What is listed. */
export interface Contents {
  readonly version: string;
  /** The version of Node, without `v`. Undefined when Node is not part of the installation. */
  readonly node: string | undefined;
  readonly packages: readonly NodePackage[];
  readonly debian: readonly DebianPackage[];
}

const copyrightOf = (name: string) => `/usr/share/doc/${name}/copyright`;

/** The packages of Debian that are installed in a file system. @param root its folder. */
export function debianPackages(root: string): readonly DebianPackage[] {
  const format = '${Package}\\t${Version}\\t${Architecture}\\n';
  const options = ['--admindir', join(root, 'var/lib/dpkg'), '--show', '--showformat', format];
  const text = execFileSync('dpkg-query', options, { encoding: 'utf8' });
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [name = '', version = '', architecture = ''] = line.split('\t');
      return { name, version, architecture, licences: licencesOf(root, name) };
    });
}

function licencesOf(root: string, name: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(join(root, copyrightOf(name)), 'utf8');
  } catch {
    return [];
  }
  const names = [...text.matchAll(/^License:[ \t]*(?<name>\S.*)$/gm)].map(
    ({ groups }) => groups?.['name'] ?? '',
  );
  return [...new Set(names.map((name) => name.trim()))].sort();
}

/** A page in Markdown. */
export function contentsPage({ version, node, packages, debian }: Contents): string {
  const lines = [
    `# Contents of http2kafka ${version}`,
    '',
    'http2kafka has the licence Apache-2.0: see `LICENSE`. It is delivered with the software below. `LICENSES.txt` has the',
    'texts of the licences. `sbom.cdx.json` lists the same for scanners.',
    '',
  ];
  if (node !== undefined) {
    lines.push(
      '## Node.js',
      '',
      `Node.js ${node}, licence MIT. \`LICENSES.txt\` also has the licences of what it contains.`,
      '',
    );
  }
  lines.push('## npm packages', '', '| package | version | licence | where |', '| --- | --- | --- | --- |');
  for (const { name, version, licence, bundled } of packages) {
    lines.push(`| ${name} | ${version} | ${licence} | ${bundled ? '`dist/`' : '`node_modules/`'} |`);
  }
  if (debian.length > 0) {
    lines.push('', '## Debian packages', '', 'The texts are in `/usr/share/doc/PACKAGE/copyright`.', '');
    lines.push('| package | version | licences |', '| --- | --- | --- |');
    for (const { name, version, licences } of debian) {
      lines.push(`| ${name} | ${version} | ${licences.join(', ') || `see \`${copyrightOf(name)}\``} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The texts of all licences. Packages with the same text share it. */
export function licenceTexts(
  root: string,
  packages: readonly NodePackage[],
  nodeLicence: string | undefined,
): string {
  const users = new Map<string, string[]>();
  for (const one of packages) {
    const folder = join(root, one.folder);
    const texts = noticeFiles(folder).map((name) => readFileSync(join(folder, name), 'utf8').trim());
    const text = texts.join('\n\n') || `The package has no text of its licence, ${one.licence}.`;
    users.set(text, [...(users.get(text) ?? []), `${one.name} ${one.version}`]);
  }
  if (nodeLicence !== undefined) users.set(readFileSync(nodeLicence, 'utf8').trim(), ['Node.js']);
  const line = '='.repeat(80);
  return [...users].map(([text, names]) => `${line}\n${names.join('\n')}\n${line}\n\n${text}\n`).join('\n');
}

const Component = Type.Object({ 'bom-ref': Type.String(), name: Type.String(), version: Type.String() });
const Dependency = Type.Object({ ref: Type.String(), dependsOn: Type.Array(Type.String()) });
const Bom = Type.Object({
  metadata: Type.Object({ component: Type.Object({ 'bom-ref': Type.String() }) }),
  components: Type.Array(Component),
  dependencies: Type.Array(Dependency),
});

/**
 * A bill of materials in CycloneDX: that of `npm sbom`, less what is not in the installation, and with Node and Debian's packages.
 * It has no time and no random number, so the same installation has the same bytes.
 */
export function billOfMaterials(npm: string, { version, node, packages, debian }: Contents): string {
  const bom = Value.Parse(Bom, JSON.parse(npm));
  const own = bom.metadata.component['bom-ref'];
  const contained = new Set(packages.map((one) => `${one.name}@${one.version}`));
  const components = bom.components.filter(({ name, version }) => contained.has(`${name}@${version}`));
  const known = new Set(components.map(({ name, version }) => `${name}@${version}`));
  const absent = [...contained].filter((one) => !known.has(one));
  if (absent.length > 0) throw new Error(`npm's bill of materials lacks ${absent.join(', ')}.`);
  const refs = new Set([own, ...components.map((component) => component['bom-ref'])]);
  const platform = node === undefined ? [] : [nodeComponent(node)];
  const result = {
    ...bom,
    serialNumber: undefined,
    metadata: {
      ...bom.metadata,
      timestamp: undefined,
      component: { ...bom.metadata.component, type: 'application', name: 'http2kafka', version },
    },
    components: [...components, ...platform, ...debian.map(debianComponent)],
    dependencies: bom.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) })),
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}

function nodeComponent(version: string) {
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/node@${version}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}

function debianComponent({ name, version, architecture, licences }: DebianPackage) {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return {
    'bom-ref': purl,
    type: 'library',
    name,
    version,
    purl,
    licenses: licences.map((licence) => ({ license: { name: licence } })),
  };
}
