import { TOPIC } from '../stage/staged-proxy.ts';
import { Judgement } from './judgement.ts';
import { Scene, SkippedError, type Pace } from './scene.ts';
import { TopicReader } from './topic-reader.ts';

// An event counts as lost when no record has arrived for so long after Kafka is back.
const PATIENCE_MS = 45_000;

/** One fault line: a failure that is injected under load. */
export interface Line {
  readonly name: string;
  /** What fails, in a few words. */
  readonly what: string;
  /** Whether events may be answered 503. */
  readonly mayRefuse?: true;
  /** Approximate bytes of an event, other than those of the pace. */
  readonly bytes?: number;
  /** The cause of duplicates, if there are any. */
  readonly duplicatesAre?: string;
  /** Starts the load and injects the failure. */
  readonly run: (scene: Scene) => Promise<void>;
}

export interface Row {
  readonly name: string;
  readonly acknowledged: number;
  readonly lost: number;
  readonly reordered: number;
  readonly duplicated: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly p99Ms: number;
  readonly notes: readonly string[];
  /** Why the line fails, in words. Empty when it holds. */
  readonly failures: readonly string[];
  readonly skipped: boolean;
  readonly proxyLog: string;
}

/** Runs a line and judges its events. Never throws: an error becomes a failure in the row. */
export async function runLine(line: Line, pace: Pace): Promise<Row> {
  const scene = new Scene({ ...pace, bytes: line.bytes ?? pace.bytes });
  const judgement = new Judgement(scene.ledger, scene.damaged);
  let skipped = false;
  try {
    await line.run(scene);
    await scene.stopLoads();
    const reader = new TopicReader(scene.servers, TOPIC, scene.bodies, judgement);
    await reader.readAll(PATIENCE_MS, pace.quietMs);
    if (reader.foreign > 0) scene.note(`${reader.foreign} other records`);
    if (!scene.proxy.running) scene.failures.push('the proxy has ended by itself');
  } catch (error) {
    skipped = error instanceof SkippedError;
    if (error instanceof SkippedError) scene.note(`skipped: ${error.message}`);
    else scene.failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  try {
    await scene.close();
  } catch (error) {
    scene.failures.push(`cleaning up: ${String(error)}`);
  }
  return rowOf(line, scene, judgement, skipped);
}

function rowOf(line: Line, scene: Scene, judgement: Judgement, skipped: boolean): Row {
  const { ledger, notes, failures, loads } = scene;
  const { lost, damaged, reordered, duplicated, twiceAsResent, refusedYetThere } = judgement.verdict();
  if (lost.length > 0) failures.push(`${lost.length} lost: ${someOf(lost)}`);
  if (reordered.length > 0) failures.push(`${reordered.length} reordered: ${someOf(reordered)}`);
  if (ledger.refused > 0 && line.mayRefuse !== true) failures.push(`${ledger.refused} refused`);
  if (ledger.refusedWithoutRetryAfter > 0) {
    failures.push(`${ledger.refusedWithoutRetryAfter} refused without Retry-After: 1`);
  }
  if (ledger.rejected > 0) {
    const statuses = [...ledger.statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
    failures.push(`answered otherwise: ${statuses}`);
  }
  const hanging = loads.reduce((sum, load) => sum + load.hanging, 0);
  if (hanging > 0) failures.push(`${hanging} not answered within 30 s`);
  if (!skipped && ledger.kept === 0) failures.push('nothing was acknowledged');
  notes.unshift(`kafka: ${ledger.keptIn('kafka')}, spool: ${ledger.keptIn('spool')}`);
  if (duplicated > 0) notes.push(`duplicates: ${line.duplicatesAre ?? 'unexplained'}`);
  if (twiceAsResent > 0) notes.push(`twice as resent by the sender: ${twiceAsResent}`);
  if (refusedYetThere > 0) notes.push(`refused and yet there: ${refusedYetThere}`);
  if (damaged.length > 0) notes.push(`damaged: ${damaged.length}`);
  return {
    name: line.name,
    acknowledged: ledger.kept,
    lost: lost.length,
    reordered: reordered.length,
    duplicated,
    refused: ledger.refused,
    slowestMs: ledger.slowestMs,
    p99Ms: ledger.p99Ms,
    notes,
    failures,
    skipped,
    proxyLog: scene.proxyLog,
  };
}

function someOf(sequences: readonly number[]): string {
  const more = sequences.length > 10 ? ', …' : '';
  return `numbers ${sequences.slice(0, 10).join(', ')}${more}`;
}
