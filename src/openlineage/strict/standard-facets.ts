/** The standard facets of OpenLineage, by the URL of the schema that a facet names. */
import described from './standard-facets.json' with { type: 'json' };
import { isList, readShape, type Notation, type Parts, type Shape } from './shapes.ts';

interface Description {
  readonly versions: readonly string[];
  readonly shape: Notation;
  readonly parts?: Parts;
  /** True if the facet may have `_deleted`. */
  readonly deletable?: boolean;
}

// JSON has no types: the compiler makes one of every member of every facet.
const documents = described as Readonly<Record<string, Readonly<Record<string, readonly Description[]>>>>;

/** `https://openlineage.io/spec/facets/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet` */
const URL =
  /^https?:\/\/openlineage\.io\/spec\/facets\/(\d+-\d+-\d+)\/([A-Za-z0-9]+)\.json(?:#(?:.*\/)?([A-Za-z0-9]*))?$/;

/** A longer text is no such URL. */
const MAX_URL = 300;

const shapes = new Map<string, Shape | undefined>();

/** The shape of the standard facet of this schema; undefined if it is not the schema of a published version of one. */
export function standardFacet(schemaUrl: string): Shape | undefined {
  const match = schemaUrl.length <= MAX_URL ? URL.exec(schemaUrl) : null;
  if (!match) return undefined;
  const [, version = '', document = '', fragment = ''] = match;
  const name = fragment === '' ? document : fragment;
  const key = `${document} ${version} ${name}`;
  const known = shapes.get(key);
  if (known) return known;
  const found = find(document, name, version);
  if (!found) return undefined;
  const shape = shapeOf(found);
  shapes.set(key, shape);
  return shape;
}

/** Each version of each standard facet, with the URL of its schema. */
export function allStandardFacets(): readonly { readonly url: string; readonly shape: Shape }[] {
  return Object.entries(documents).flatMap(([document, facets]) =>
    Object.entries(facets).flatMap(([name, descriptions]) =>
      descriptions.flatMap((description) =>
        description.versions.map((version) => ({
          url: `https://openlineage.io/spec/facets/${version}/${document}.json#/$defs/${name}`,
          shape: shapeOf(description),
        })),
      ),
    ),
  );
}

function find(document: string, name: string, version: string): Description | undefined {
  if (!Object.hasOwn(documents, document)) return undefined;
  const facets = documents[document];
  if (!facets || !Object.hasOwn(facets, name)) return undefined;
  return facets[name]?.find(({ versions }) => versions.includes(version));
}

function shapeOf({ shape, parts, deletable = false }: Description): Shape {
  if (!deletable || typeof shape === 'string' || isList(shape)) return readShape(shape, parts);
  return readShape({ ...shape, '_deleted?': 'boolean' }, parts);
}
