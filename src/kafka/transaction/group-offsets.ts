/** The offsets of a consumer group, with the text that a program may keep beside each. */
import { refuse, type ClusterAccess } from '../cluster/cluster-access.ts';
import { answerWith, orInError } from '../cluster/refused-answer.ts';
import { OFFSET_FETCH, type CommittedAnswer } from '../cluster/transaction-requests.ts';

/** How far a group is in a partition. */
export interface GroupPosition {
  readonly offset: number;
  /** The text of the program that committed the offset. */
  readonly metadata: string;
}

/** Bytes of the text, at most, by default of the brokers: `offset.metadata.max.bytes`. */
export const MAX_METADATA_BYTES = 4096;

/** Not a member of the group. */
const NO_MEMBER = -1;

/**
 * The positions of a group in these partitions; without those that it has not. `isStable`: waits until no transaction with offsets
 * of them is open.
 */
export function groupPositions(
  access: ClusterAccess,
  group: string,
  topic: string,
  partitions: readonly number[],
  isStable: boolean,
): Promise<ReadonlyMap<number, GroupPosition>> {
  const asked = {
    groupId: group,
    memberId: null,
    memberEpoch: NO_MEMBER,
    topics: [{ name: topic, partitionIndexes: [...partitions] }],
  };
  return access.askCoordinator('group', group, async (connection, versions) => {
    const answer = await orInError(
      isCommitted,
      versions.of(OFFSET_FETCH).async(connection, [asked], isStable),
    );
    const positions = new Map<number, GroupPosition>();
    for (const { errorCode, topics } of groupsOf(answer)) {
      refuse(errorCode, `group ${group}`);
      for (const found of topics.flatMap((one) => one.partitions)) {
        refuse(found.errorCode, `group ${group}`);
        if (found.committedOffset < 0n) continue;
        const { partitionIndex, committedOffset, metadata } = found;
        positions.set(partitionIndex, { offset: Number(committedOffset), metadata: metadata ?? '' });
      }
    }
    return positions;
  });
}

/** The answer of version 7 is that of one group. Brokers before Kafka 3.0 take no later one. */
function groupsOf(answer: CommittedAnswer): CommittedAnswer['groups'] {
  if (!('topics' in answer)) return answer.groups;
  const { errorCode, topics } = answer;
  return [{ groupId: '', errorCode, topics }];
}

const isCommitted = answerWith<CommittedAnswer>('groups');
