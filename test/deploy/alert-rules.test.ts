import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { metricTable, type Definition } from '../../src/metrics/metric-table.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'docs', 'monitoring');
const read = (file: string): unknown => parse(readFileSync(join(folder, file), 'utf8'));

const Rules = Type.Object({
  groups: Type.Array(
    Type.Object({
      rules: Type.Array(
        Type.Object({
          alert: Type.Optional(Type.String()),
          record: Type.Optional(Type.String()),
          expr: Type.String(),
          labels: Type.Optional(Type.Object({ severity: Type.Enum(['critical', 'warning']) })),
          annotations: Type.Optional(
            Type.Object({ summary: Type.String({ minLength: 1 }), runbook_url: Type.String() }),
          ),
        }),
      ),
    }),
  ),
});

const Cases = Type.Object({
  tests: Type.Array(
    Type.Object({
      alert_rule_test: Type.Array(
        Type.Object({ alertname: Type.String(), exp_alerts: Type.Array(Type.Unknown()) }),
      ),
    }),
  ),
});

/** Names that are no metrics of the table: of Prometheus, and of its client for Node. */
const FOREIGN = new Set(['up', 'process_start_time_seconds']);
/** Labels that the scrape adds, and that of a bucket. */
const FOREIGN_LABELS = ['job', 'instance', 'le'];

const rules = Value.Parse(Rules, read('prometheus-rules.yaml')).groups.flatMap((group) => group.rules);
const alerts = rules.flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]));
const recorded = rules.flatMap(({ record }) => record ?? []);

suite('the alerts', () => {
  test('name only metrics and labels that exist', () => {
    const labelsOf = new Map<string, readonly string[]>();
    for (const row of Object.values<Definition>(metricTable)) {
      const endings = row.type === 'histogram' ? ['_count', '_sum', '_bucket'] : [''];
      for (const ending of endings) labelsOf.set(row.name + ending, row.labels ?? []);
    }
    for (const { alert, record, expr } of rules) {
      const names = expr.match(/\b(?:http2kafka|process|up|nodejs)(?:[_:]\w+)*\b/g) ?? [];
      assert.ok(names.length > 0, `${alert ?? record}`);
      for (const name of names) {
        assert.ok(labelsOf.has(name) || recorded.includes(name) || FOREIGN.has(name), `${alert}: ${name}`);
      }
      const known = names.flatMap((name) => labelsOf.get(name) ?? []);
      for (const [, label = ''] of expr.matchAll(/[{,]\s*(\w+)(?==|!|=~)/g)) {
        assert.ok([...known, ...FOREIGN_LABELS].includes(label), `${alert}: label ${label}`);
      }
    }
  });

  test('have a section in the runbook each, and the runbook has no other', () => {
    const sections = [
      ...readFileSync(join(root, 'docs/runbook.md'), 'utf8').matchAll(/^## (Http2kafka\w+)$/gm),
    ];
    assert.deepEqual(sections.map(([, name]) => name).sort(), alerts.map(({ alert }) => alert).sort());
    for (const { alert, annotations, labels } of alerts) {
      assert.equal(annotations?.runbook_url, `docs/runbook.md#${alert.toLowerCase()}`);
      assert.ok(labels, alert);
    }
    const table = readFileSync(join(root, 'docs/monitoring.md'), 'utf8');
    for (const { alert } of alerts) assert.ok(table.includes(`\`${alert}\``), alert);
  });

  test('fire and clear in the tests for promtool', () => {
    const cases = Value.Parse(Cases, read('prometheus-rules.test.yaml')).tests.flatMap(
      (one) => one.alert_rule_test,
    );
    for (const { alert } of alerts) {
      const fires = cases
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => exp_alerts.length > 0);
      assert.ok(fires.includes(true), `${alert} fires`);
      assert.ok(fires.slice(fires.indexOf(true)).includes(false), `${alert} clears`);
    }
  });

  test('do so', (context) => {
    for (const args of [
      ['check', 'rules', 'prometheus-rules.yaml'],
      ['test', 'rules', 'prometheus-rules.test.yaml'],
    ]) {
      const { error, status, stdout, stderr } = spawnSync('promtool', args, {
        cwd: folder,
        encoding: 'utf8',
      });
      if (error) {
        context.skip('promtool (Debian package prometheus) is not installed');
        return;
      }
      assert.equal(status, 0, stdout + stderr);
    }
  });
});
