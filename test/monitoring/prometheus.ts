/** A real Prometheus that reads real proxies each second, with the alerts in fast motion: a minute is a second. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type, type TSchema, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { stringify } from 'yaml';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { freePorts } from '../../tools/kafka/ports.ts';
import { until } from '../stage/until.ts';

const RULES = join(import.meta.dirname, '..', '..', 'docs', 'monitoring', 'prometheus-rules.yaml');

/** Seconds of fast motion for each unit of the rules. */
const FAST = { m: 1, h: 60, d: 1440 } as const;
/** Prometheus reads each second, and a rate needs some samples. */
const LEAST_S = 5;

const Alerts = Type.Object({
  data: Type.Object({
    alerts: Type.Array(
      Type.Object({
        state: Type.Enum(['pending', 'firing']),
        labels: Type.Object({ alertname: Type.String(), instance: Type.String() }),
      }),
    ),
  }),
});

const Answer = Type.Object({
  status: Type.Literal('success'),
  data: Type.Object({ result: Type.Array(Type.Unknown()) }),
});

export interface Target {
  readonly port: number;
  readonly scheme?: 'https';
}

export class Prometheus {
  readonly #url: string;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#child = child;
  }

  /** Starts one that reads these proxies. */
  static async start(targets: readonly Target[]): Promise<Prometheus> {
    const [port = 0] = await freePorts(1);
    const folder = temporaryFolder('http2kafka-prometheus-');
    const rules = join(folder, 'rules.yaml');
    writeFileSync(rules, inFastMotion(readFileSync(RULES, 'utf8')));
    const config = join(folder, 'prometheus.yaml');
    const scrape = ({ port: target, scheme }: Target) => ({
      job_name: `http2kafka-${target}`,
      scheme: scheme ?? 'http',
      metrics_path: '/monitoring/metrics',
      tls_config: { insecure_skip_verify: true },
      static_configs: [{ targets: [`127.0.0.1:${target}`], labels: { job: 'http2kafka' } }],
    });
    const global = { scrape_interval: '1s', evaluation_interval: '1s' };
    writeFileSync(config, stringify({ global, rule_files: [rules], scrape_configs: targets.map(scrape) }));
    const data = `--storage.tsdb.path=${join(folder, 'data')}`;
    const listen = `--web.listen-address=127.0.0.1:${port}`;
    const child = spawn('prometheus', [`--config.file=${config}`, data, listen], { stdio: 'ignore' });
    await once(child, 'spawn').catch(() => {
      throw new Error("there is no prometheus: install Debian's package of this name");
    });
    process.on('exit', () => child.kill('SIGKILL'));
    const prometheus = new Prometheus(port, child);
    await until(
      () => prometheus.#answers(),
      (answers) => answers,
    );
    return prometheus;
  }

  /** The instances for which an alert fires. */
  async firing(alert: string): Promise<readonly string[]> {
    const { data } = await this.#read('/api/v1/alerts', Alerts);
    return data.alerts
      .filter(({ state, labels }) => state === 'firing' && labels.alertname === alert)
      .map(({ labels }) => labels.instance);
  }

  /** How many series an expression gives now. */
  async series(expression: string): Promise<number> {
    const { data } = await this.#read(`/api/v1/query?query=${encodeURIComponent(expression)}`, Answer);
    return data.result.length;
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
  }

  async #answers(): Promise<boolean> {
    return fetch(`${this.#url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async #read<Schema extends TSchema>(path: string, schema: Schema): Promise<Static<Schema>> {
    const body: unknown = await (await fetch(this.#url + path)).json();
    return Value.Parse(schema, body);
  }
}

/** Periods of expressions and of `for`. The 14 days of a certificate are a number of seconds, and stay. */
function inFastMotion(rules: string): string {
  const fast = (period: string): string => {
    const unit = period.at(-1) === 'd' ? FAST.d : period.at(-1) === 'h' ? FAST.h : FAST.m;
    return `${Math.max(LEAST_S, Number.parseInt(period, 10) * unit)}s`;
  };
  return rules
    .replaceAll(/\[(\d+[mhd])\]/g, (_, period: string) => `[${fast(period)}]`)
    .replaceAll(/for: (\d+[mhd])/g, (_, period: string) => `for: ${fast(period)}`);
}
