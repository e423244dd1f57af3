import { expect, it, vi } from 'vitest';
import { ByteReader, ByteWriter } from '../../../../core/codec/index.ts';
import { Scrubber } from '../../../../core/data/scrubber.ts';
import { answerWholeCompare } from '../../../../core/data/slot-reads.ts';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import { StoredPublisher } from '../../../../core/model/stored-publisher.ts';
import { readPublisher, writePublisher } from '../../../../core/wire/records.ts';
import { NAME, PROCESS, PUBLISHER } from '../wire/samples.ts';

const LEADER = 'd1/data' as PeerId;
const MOMENT = { wallMs: 1_780_000_000_000, monotonicMs: 5 };

/** A leader's slot whose only publisher tells when somebody has its payload made anew. */
function slotOfOne() {
  const replica = new SlotReplica({ slotId: 3, leader: LEADER, leaderEpoch: 1, followers: [] }, LEADER);
  replica.store.applyPut(PUBLISHER, 5n, MOMENT);
  const stored = replica.store.find(NAME, PUBLISHER.registerId)?.publisher;
  if (!(stored instanceof StoredPublisher)) throw new Error('nothing is stored');
  const get = () => {
    throw new Error('the payload was made anew');
  };
  Object.defineProperty(stored, 'payload', { get });
  return { replica, stored };
}

it('scrubbing makes no payload anew', () => {
  const { replica } = slotOfOne();
  const verify = vi.spyOn(replica.store, 'verify');
  const scrubber = new Scrubber(
    () => [replica],
    () => expect.fail('a record that is right was reported'),
  );
  scrubber.run();
  scrubber.run();
  expect(verify).toHaveBeenCalledTimes(2);
});

it('a page of a comparison is cut without making payloads anew', () => {
  const { replica, stored } = slotOfOne();
  replica.becomeServing();
  const request = { scope: 'whole', withLeases: false, slotId: 3, leaderEpoch: 1, after: '', digests: [] } as const;
  const answer = answerWholeCompare(replica, request, PROCESS);
  expect(answer.datums.map((datum) => datum.publishers.map((each) => each === stored))).toEqual([[true]]);
});

it('a stored publisher is written into a message without making its payload anew', () => {
  const { stored } = slotOfOne();
  const writer = new ByteWriter();
  writePublisher(writer, stored);
  expect(readPublisher(new ByteReader(writer.finish()))).toEqual(PUBLISHER);
});
