import { Scene, type Stand } from './scene.ts';

/** One thing that is tried in containers. */
export interface Line {
  readonly name: string;
  /** What is tried, in a few words. */
  readonly what: string;
  readonly run: (scene: Scene) => Promise<void>;
}

export interface Result {
  readonly name: string;
  /** What the line showed. */
  readonly notes: readonly string[];
  /** Why it could not be tried. */
  readonly skipped: string | undefined;
  /** Why it failed. Undefined when it holds. */
  readonly failure: string | undefined;
  readonly seconds: number;
}

/** What the line needs cannot be had here. */
export class SkippedError extends Error {
  override readonly name = 'SkippedError';
}

/** Runs a line. Never throws: an error becomes the failure of the result. */
export async function runLine({ name, run }: Line, stand: Stand): Promise<Result> {
  const scene = new Scene(stand, name);
  const beginning = performance.now();
  let failure: string | undefined;
  let skipped: string | undefined;
  try {
    await run(scene);
  } catch (error) {
    if (error instanceof SkippedError) skipped = error.message;
    else failure = await described(error, scene);
  }
  await scene.close().catch((error: unknown) => (failure ??= `cleaning up: ${String(error)}`));
  return { name, notes: scene.notes, skipped, failure, seconds: (performance.now() - beginning) / 1000 };
}

async function described(error: unknown, scene: Scene): Promise<string> {
  const log = await scene.log().catch(() => '');
  return `${error instanceof Error ? error.message : String(error)}\n${log.split('\n').slice(-20).join('\n')}`;
}
