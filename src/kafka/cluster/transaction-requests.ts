/**
 * The requests of the commands that read a topic and write in transactions, each in all versions that the proxy knows, the
 * newest first (see request-versions.ts). Only the commands need them: a broker without them is of use to the proxy.
 *
 * Fetch from 13 on names topics by their ids only. AddPartitionsToTxn 4 and later is for several transactions at once. Produce 12
 * and EndTxn 5 belong to KIP-890, with which the broker chooses the epoch of the next transaction: here the producer does.
 */
import {
  fetchV12,
  fetchV11,
  fetchV10,
  fetchV9,
  fetchV8,
  fetchV7,
  fetchV6,
  fetchV5,
  fetchV4,
  listOffsetsV8,
  listOffsetsV7,
  listOffsetsV6,
  listOffsetsV5,
  listOffsetsV4,
  listOffsetsV3,
  listOffsetsV2,
  findCoordinatorV6,
  findCoordinatorV5,
  findCoordinatorV4,
  findCoordinatorV3,
  findCoordinatorV2,
  findCoordinatorV1,
  offsetFetchV9,
  offsetFetchV8,
  offsetFetchV7,
  addPartitionsToTxnV3,
  addPartitionsToTxnV2,
  addPartitionsToTxnV1,
  addPartitionsToTxnV0,
  addOffsetsToTxnV4,
  addOffsetsToTxnV3,
  addOffsetsToTxnV2,
  addOffsetsToTxnV1,
  addOffsetsToTxnV0,
  txnOffsetCommitV4,
  txnOffsetCommitV3,
  txnOffsetCommitV2,
  txnOffsetCommitV1,
  txnOffsetCommitV0,
  endTxnV4,
  endTxnV3,
  endTxnV2,
  endTxnV1,
  endTxnV0,
  produceV11,
  produceV10,
  produceV9,
  produceV8,
  produceV7,
  produceV6,
  produceV5,
  produceV4,
  produceV3,
  initProducerIdV5,
  initProducerIdV4,
  initProducerIdV3,
} from '@platformatic/kafka';
import { known, type AnswerTo } from './request-versions.ts';

export const FETCH = known('Fetch', [
  fetchV12.api,
  fetchV11.api,
  fetchV10.api,
  fetchV9.api,
  fetchV8.api,
  fetchV7.api,
  fetchV6.api,
  fetchV5.api,
  fetchV4.api,
]);

export const LIST_OFFSETS = known('ListOffsets', [
  listOffsetsV8.api,
  listOffsetsV7.api,
  listOffsetsV6.api,
  listOffsetsV5.api,
  listOffsetsV4.api,
  listOffsetsV3.api,
  listOffsetsV2.api,
]);

export const FIND_COORDINATOR = known('FindCoordinator', [
  findCoordinatorV6.api,
  findCoordinatorV5.api,
  findCoordinatorV4.api,
  findCoordinatorV3.api,
  findCoordinatorV2.api,
  findCoordinatorV1.api,
]);

/** From version 7 on it can wait for the offsets of open transactions (KIP-447). */
export const OFFSET_FETCH = known('OffsetFetch', [offsetFetchV9.api, offsetFetchV8.api, offsetFetchV7.api]);

export const ADD_PARTITIONS_TO_TXN = known('AddPartitionsToTxn', [
  addPartitionsToTxnV3.api,
  addPartitionsToTxnV2.api,
  addPartitionsToTxnV1.api,
  addPartitionsToTxnV0.api,
]);

export const ADD_OFFSETS_TO_TXN = known('AddOffsetsToTxn', [
  addOffsetsToTxnV4.api,
  addOffsetsToTxnV3.api,
  addOffsetsToTxnV2.api,
  addOffsetsToTxnV1.api,
  addOffsetsToTxnV0.api,
]);

export const TXN_OFFSET_COMMIT = known('TxnOffsetCommit', [
  txnOffsetCommitV4.api,
  txnOffsetCommitV3.api,
  txnOffsetCommitV2.api,
  txnOffsetCommitV1.api,
  txnOffsetCommitV0.api,
]);

export const END_TXN = known('EndTxn', [
  endTxnV4.api,
  endTxnV3.api,
  endTxnV2.api,
  endTxnV1.api,
  endTxnV0.api,
]);

/** The proxy itself encodes only what has no transaction. */
export const TXN_PRODUCE = known('Produce', [
  produceV11.api,
  produceV10.api,
  produceV9.api,
  produceV8.api,
  produceV7.api,
  produceV6.api,
  produceV5.api,
  produceV4.api,
  produceV3.api,
]);

/** From version 3 on a producer names its id and epoch, and hears if another has taken over (KIP-360). */
export const TXN_PRODUCER_ID = known('InitProducerId', [
  initProducerIdV5.api,
  initProducerIdV4.api,
  initProducerIdV3.api,
]);

export type FetchAnswer = AnswerTo<typeof FETCH>;
export type OffsetsAnswer = AnswerTo<typeof LIST_OFFSETS>;
export type CoordinatorAnswer = AnswerTo<typeof FIND_COORDINATOR>;
export type CommittedAnswer = AnswerTo<typeof OFFSET_FETCH>;
export type PartitionsAddedAnswer = AnswerTo<typeof ADD_PARTITIONS_TO_TXN>;
export type OffsetsAddedAnswer = AnswerTo<typeof ADD_OFFSETS_TO_TXN>;
export type OffsetsCommittedAnswer = AnswerTo<typeof TXN_OFFSET_COMMIT>;
export type EndAnswer = AnswerTo<typeof END_TXN>;
export type WrittenAnswer = AnswerTo<typeof TXN_PRODUCE>;
