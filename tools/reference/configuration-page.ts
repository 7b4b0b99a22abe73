import { sections, type CatalogEntry, type CatalogSection } from '../../src/config/catalog.ts';
import { written } from '../../src/config/schema/kind.ts';

/** The Markdown of the page `docs/configuration.md`. */
export function configurationPage(): string {
  return [introduction, ...sections.filter(({ entries }) => entries.length > 0).map(sectionOf)].join('\n\n');
}

const introduction = `# Configuration

<!-- Generated from src/config/schema/ by tools/generate-docs.ts. Change it there. -->

A setting can be given in several places. The first place in this list that has the setting wins:

1. a flag: \`--port 8002\`
2. an environment variable: \`HTTP2KAFKA__SERVER__PORT=8002\`
3. the same variable in the file that \`--env-file\` names
4. the YAML or JSON file that \`--config\` names
5. the default of the setting

\`http2kafka check-config\` shows the settings that the proxy would use and the place of each, or all configuration
errors. Call it with the same flags and variables as the proxy.

A variable that begins with \`HTTP2KAFKA__\`, and a key of the configuration file, must be the name of a setting. A
misspelt name is a configuration error: the program does not use the default instead.

The name of a variable is the name of the setting in capitals, with \`__\` for each dot. Values are written like this:

- Booleans are \`true\` or \`false\`, and also \`1\`, \`0\`, \`yes\`, \`no\`, \`on\` and \`off\`.
- Sizes are bytes, or have a unit: \`5MiB\`, \`64KB\`.
- Durations have a unit: \`500ms\`, \`1s\`, \`7d\`.
- Lists are JSON (\`["a:9092", "b:9092"]\`), or have commas between the items (\`a:9092,b:9092\`).
- Where a default says \`derived\`, it follows the machine. The log shows its value at the start, and so does \`check-config\`.
- An empty variable, or \`null\` in the file, unsets a setting whose default is "none".

A secret can be in a file of its own, as Docker and Kubernetes provide them. Then the name ends in \`_FILE\` and the
value is the path: \`HTTP2KAFKA__KAFKA__SECURITY__PASSWORD_FILE=/run/secrets/kafka\`. In the configuration file the name
is \`password_file\`. A line end after the secret is not part of it.

## Configuration file

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

The same settings as variables, for example in an \`.env\` file:

\`\`\`sh
HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS=kafka-1:9092,kafka-2:9092
HTTP2KAFKA__KAFKA__COMPRESSION=zstd
HTTP2KAFKA__PRODUCER__MAIN_TOPIC=input.runs
HTTP2KAFKA__SPOOL__PATH=/data/http2kafka
HTTP2KAFKA__SERVER__HOST=0.0.0.0
HTTP2KAFKA__SERVER__HEADERS=["Strict-Transport-Security: max-age=31536000"]
HTTP2KAFKA__LOGGING__PRESET=json
\`\`\`

## Replace Data.Rentgen's http2kafka

The proxy understands the variables of Data.Rentgen's http2kafka that the tables below name (\`DATA_RENTGEN__…\`). If
both names of a setting are in the same place, \`HTTP2KAFKA__…\` wins. Variables for Data.Rentgen's other programs may
stay. The proxy ignores them, and lists them in one line of the log. There are three differences:

- With \`DATA_RENTGEN__PRODUCER__ACKS\` of \`0\` or \`1\`, the proxy logs a line and uses \`all\`.
- The proxy accepts personal tokens if there is a secret key for them. With neither a key nor \`ENABLED=true\`, it accepts
  events from every client and logs a line about it. Data.Rentgen's http2kafka does not start then.
- A section as JSON in one variable (\`DATA_RENTGEN__KAFKA__SECURITY={…}\`) is a configuration error. Give each setting its
  own variable.`;

const head = `| Setting | Variable | Flag | Type | Default | Description |\n| --- | --- | --- | --- | --- | --- |`;

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

/** The written form of a default. A size is also given in the largest unit that divides it. */
function defaultOf({ default: plain, derived, kind }: CatalogEntry): string {
  const text = plainDefaultOf(plain, kind);
  return derived ? `${text}; derived: ${derived.rule}` : text;
}

function plainDefaultOf(plain: unknown, kind: CatalogEntry['kind']): string {
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
