import { sections, type CatalogEntry, type CatalogSection } from '../../src/config/catalog.ts';
import { written } from '../../src/config/schema/kind.ts';

/** The page `docs/configuration.md`, as Markdown. */
export function configurationPage(): string {
  return [introduction, ...sections.filter(({ entries }) => entries.length > 0).map(sectionOf)].join('\n\n');
}

const introduction = `# Configuration

<!-- Made from src/config/schema/schema.ts by tools/generate-docs.ts. Changes go there. -->

A setting is given in any of these places; the first that has it counts:

1. a flag: \`--port 8002\`
2. an environment variable: \`HTTP2KAFKA__SERVER__PORT=8002\`
3. the same variable in the file that \`--env-file\` names
4. the YAML or JSON file that \`--config\` names
5. its default

\`http2kafka check-config\`, with the flags and variables that the proxy is started with, shows what it would run on and where that
comes from, or everything that is wrong. A variable that begins with \`HTTP2KAFKA__\` and a key of the file have to be
settings: a slip in a name is a fault, not a default.

The name of a variable is the name of the setting in capitals, with \`__\` for each dot. Booleans are \`true\` or \`false\`
(also \`1\`, \`0\`, \`yes\`, \`no\`, \`on\`, \`off\`), sizes are bytes or have a unit (\`5MiB\`, \`64KB\`), durations
have one (\`500ms\`, \`1s\`, \`7d\`), lists are JSON
(\`["a:9092", "b:9092"]\`) or parted at commas (\`a:9092,b:9092\`). A setting whose default is "none" is taken away by an empty variable
or by \`null\` in the file.

A secret may lie in a file of its own, as Docker and Kubernetes give them: its name with \`_FILE\` at the end has the path
(\`HTTP2KAFKA__KAFKA__SECURITY__PASSWORD_FILE=/run/secrets/kafka\`; \`password_file\` in the configuration file). A line end behind the secret
is not part of it.

## A file

\`\`\`yaml
# yaml-language-server: $schema=./configuration.schema.json
kafka:
  bootstrap_servers: [kafka-1:9092, kafka-2:9092]
  compression: zstd
producer:
  main_topic: input.runs
spool:
  path: /data/http2kafka
server:
  host: 0.0.0.0
  headers: ['Strict-Transport-Security: max-age=31536000']
logging:
  preset: json
\`\`\`

The same as variables, in an \`.env\` file say:

\`\`\`sh
HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS=kafka-1:9092,kafka-2:9092
HTTP2KAFKA__KAFKA__COMPRESSION=zstd
HTTP2KAFKA__PRODUCER__MAIN_TOPIC=input.runs
HTTP2KAFKA__SPOOL__PATH=/data/http2kafka
HTTP2KAFKA__SERVER__HOST=0.0.0.0
HTTP2KAFKA__SERVER__HEADERS=["Strict-Transport-Security: max-age=31536000"]
HTTP2KAFKA__LOGGING__PRESET=json
\`\`\`

## In place of Data.Rentgen's http2kafka

Its variables are understood where the tables below name them (\`DATA_RENTGEN__…\`); where both names of a setting are in one place,
\`HTTP2KAFKA__…\` counts. Variables for Data.Rentgen's other programs may stay: they are passed over, and one line of the log lists them.
Three things differ:

- \`DATA_RENTGEN__PRODUCER__ACKS\` of \`0\` or \`1\` is answered with a line in the log, and \`all\` is used.
- Personal tokens are taken where there is a secret key for them. With neither a key nor \`ENABLED=true\` events are taken from anyone,
  and a line of the log says so; Data.Rentgen's does not start then.
- A section as JSON in one variable (\`DATA_RENTGEN__KAFKA__SECURITY={…}\`) is a fault: give each setting its own variable.`;

const head = `| Setting | Variable | Flag | Type | Default | What it does |\n| --- | --- | --- | --- | --- | --- |`;

function sectionOf({ name, description, entries }: CatalogSection): string {
  return [`## \`${name}\``, description, [head, ...entries.map(rowOf)].join('\n')].join('\n\n');
}

function rowOf(entry: CatalogEntry): string {
  const cells = [
    code(entry.name),
    [entry.environmentName, entry.dataRentgenName]
      .filter((name) => name !== undefined)
      .map(code)
      .join('<br>'),
    (entry.flags ?? [])
      .map((flag) => code('argument' in flag ? `${flag.name} <${flag.argument}>` : flag.name))
      .join('<br>'),
    entry.secret ? `${entry.kind.label}, secret` : entry.kind.label,
    defaultOf(entry),
    entry.description,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** A default as one would write it; a size also in its largest whole unit. */
function defaultOf({ default: plain, kind }: CatalogEntry): string {
  const value = written(kind, plain);
  if (value === undefined) return 'none';
  if (Array.isArray(value) && value.length === 0) return 'empty';
  const text = code(typeof value === 'string' ? value : JSON.stringify(value));
  return kind.label.startsWith('size') && typeof value === 'number' ? `${text} (${inUnits(value)})` : text;
}

function inUnits(size: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  let rest = size;
  let unit = 0;
  while (rest % 1024 === 0 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest} ${units[unit] ?? ''}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
