/**
 * Other programs that take OpenLineage events over HTTP and write them to Kafka, as Data.Rentgen documents them. They are
 * measured when they are installed; docs/performance.md says how to install them.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isExecutable } from '../../tools/executable.ts';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { startPostgres } from '../../tools/postgres.ts';
import { claims, SECRET_KEY, tokenOf } from '../../test/auth/personal-tokens/personal-token-samples.ts';
import type { Contender, Place, Prepared } from './contenders.ts';

const USUAL_PARTITIONS = 3;

/** Where rivals are installed that are not on the PATH. */
const folder = join(import.meta.dirname, '..', '..', '.run', 'rivals');

export interface FluentBitOptions {
  /** Whether a filter makes the record's key. Without it the records of a job have no order. */
  readonly hasKey: boolean;
  /** Whether it keeps events in files (synced at the kernel's pleasure) until Kafka has them. */
  readonly hasFiles: boolean;
}

/** Fluent Bit with Data.Rentgen's configuration (docs/reference/http2kafka/alternatives.rst there), but `acks=all`. */
export function fluentBit(label: string, options: FluentBitOptions): Contender {
  return {
    label,
    partitions: USUAL_PARTITIONS,
    isRival: true,
    prepare: (place) => {
      const program = findFluentBit();
      if (program === undefined) return undefined;
      const config = join(temporaryFolder('http2kafka-fluent-bit-'), 'fluent-bit.yaml');
      writeFileSync(config, configOf(place, options));
      return { command: [program, '--config', config, '--quiet'] };
    },
  };
}

function findFluentBit(): string | undefined {
  const path = (process.env['PATH'] ?? '').split(delimiter).map((one) => join(one, 'fluent-bit'));
  const packaged = '/opt/fluent-bit/bin/fluent-bit';
  return [join(folder, 'fluent-bit', 'bin', 'fluent-bit'), packaged, ...path].find((one) =>
    isExecutable(one),
  );
}

/** Its largest request, more than the largest event here; the default is 4 MB. */
const BODY_LIMIT = '8M';

function configOf({ port, bootstrapServers, topic }: Place, { hasKey, hasFiles }: FluentBitOptions): string {
  const storage = hasFiles ? temporaryFolder('http2kafka-fluent-bit-') : '';
  return `service:
  flush: 1
  log_level: error
${hasFiles ? `  storage.path: ${storage}\n` : ''}pipeline:
  inputs:
    - name: http
      listen: 127.0.0.1
      port: ${port}
      buffer_max_size: ${BODY_LIMIT}
${hasFiles ? '      storage.type: filesystem' : '      mem_buf_limit: 50MB'}
${hasKey ? FILTER : ''}  outputs:
    - name: kafka
      match: '*'
      format: json
      timestamp_key: eventTime
      timestamp_format: iso8601_ns
${hasKey ? '      message_key_field: messageKey\n' : ''}      brokers: ${bootstrapServers}
      topics: ${topic}
      rdkafka.request.required.acks: -1
      rdkafka.log.connection.close: false
      rdkafka.message.max.bytes: 8388608
`;
}

const FILTER = `  filters:
    - name: lua
      match: '*'
      call: set_message_key
      code: |
        function set_message_key(tag, timestamp, record)
          local new_record = record
          if record.run.facets.parent then
            if record.run.facets.parent.root then
              new_record.messageKey = "run:" .. record.run.facets.parent.root.job.namespace .. "/" .. record.run.facets.parent.root.job.name
            else
              new_record.messageKey = "run:" .. record.run.facets.parent.job.namespace .. "/" .. record.run.facets.parent.job.name
            end
          else
            new_record.messageKey = "run:" .. record.job.namespace .. "/" .. record.job.name
          end
          return 1, timestamp, new_record
        end
`;

/** Data.Rentgen's http2kafka, with the personal token that it demands, and the database in which it checks it. */
export const dataRentgen: Contender = {
  label: "Data.Rentgen's http2kafka",
  partitions: USUAL_PARTITIONS,
  isRival: true,
  path: '/v1/openlineage',
  prepare: (place) => {
    const python = join(folder, 'data-rentgen', 'bin', 'python');
    return existsSync(python) ? prepareDataRentgen(python, place) : undefined;
  },
};

async function prepareDataRentgen(
  python: string,
  { port, bootstrapServers, topic }: Place,
): Promise<Prepared> {
  const postgres = await startPostgres();
  await postgres.query(
    `insert into "user" (id, name) values (${claims.sub_id}, '${claims.preferred_username}')`,
  );
  await postgres.query(
    `insert into personal_token (id, user_id, name, scopes, since, until)
     values ('${claims.jti}', ${claims.sub_id}, '${claims.token_name}', '[]', '2025-08-12', '2099-12-31')`,
  );
  const settings = {
    DATABASE__URL: postgres.url,
    KAFKA__BOOTSTRAP_SERVERS: JSON.stringify([bootstrapServers]),
    PRODUCER__MAIN_TOPIC: topic,
    PRODUCER__ACKS: 'all',
    // The files for its pages are not in the package.
    SERVER__STATIC_FILES__ENABLED: 'false',
    AUTH__PERSONAL_TOKENS__ENABLED: 'true',
    AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY,
  };
  return {
    command: [python, '-m', 'data_rentgen.http2kafka', '--host', '127.0.0.1', '--port', String(port)],
    environment: Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`DATA_RENTGEN__${name}`, value]),
    ),
    folder: temporaryFolder('http2kafka-data-rentgen-'),
    headers: { Authorization: `Bearer personal_token_${tokenOf(claims)}` },
    release: () => postgres.stop(),
  };
}
