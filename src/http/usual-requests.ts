/**
 * The requests that are usual, and those that an operator wants to hear of first. Their counts begin at 0, because a
 * counter that appears with its first increment hides that increment.
 */
import { errorTable, type ErrorCode } from '../errors.ts';
import { paths, type ServedPath } from './paths.ts';

/** The labels of a count of requests. */
export interface UsualRequest {
  /** As in the table of paths; `other` for all paths that do not exist. */
  readonly path: string;
  readonly method: string;
  readonly status: number;
}

/** `refusals` are the error codes of a post. `spooledStatus` is the answer to an event that is on disk. */
export function usualRequests(
  spooledStatus: number,
  refusals: readonly ErrorCode[],
): readonly UsualRequest[] {
  const refused = refusals.map((code) => errorTable[code].status);
  const posts = Object.values<ServedPath>(paths).flatMap(({ path, takes }) => {
    if (takes === undefined) return [];
    const good = takes === 'batch' ? [200] : [201, spooledStatus];
    return [...good, ...refused].map((status) => ({ path, method: 'POST', status }));
  });
  const probes = [paths.ping, paths.ready, paths.metrics].map(({ path }) => ({
    path,
    method: 'GET',
    status: 200,
  }));
  return [
    ...posts,
    ...probes,
    { path: paths.ready.path, method: 'GET', status: errorTable.unavailable.status },
    // A wrong path is the most frequent cause of missing events.
    { path: 'other', method: 'POST', status: errorTable.not_found.status },
  ];
}
