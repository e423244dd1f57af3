import type { PeerId } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import { balanceSlots } from './balance.ts';
import { type DraftSlot, DraftTable, type Loads } from './draft-table.ts';
import { type Place, Placement } from './placement.ts';

/** What the allocation knows of the world. All of it is values, so the same input always gives the same table. */
export interface AllocationInput {
  readonly table: SlotTable;
  readonly slotCount: number;
  /** Copies of a slot, leader included. Fewer live nodes than that is a normal state. */
  readonly replicas: number;
  /** Live Data nodes, in any order. */
  readonly dataNodes: readonly PeerId[];
  /** Live Data nodes that hold nothing of what the table says, because their process is another one now. None when absent. */
  readonly emptyNodes?: ReadonlySet<PeerId>;
  /** Everywhere the same when absent. */
  readonly placeOf?: (peer: PeerId) => Place;
  /** Nodes that do not manage to take over a slot, and are no place for a copy of it while there is another. None when absent. */
  readonly isUnfit?: (slotId: number, peer: PeerId) => boolean;
  /** What leading a slot costs: publishers and pushes. All the same when absent. */
  readonly weightOf?: (slotId: number) => number;
  /** The follower has said, under the present table, that it has applied its leader's log: only then is a copy given up or led by it for balance. */
  readonly isSynced: (slotId: number, follower: PeerId) => boolean;
  /**
   * The last leader epoch under which a node held a whole copy: 0 when it never did, undefined when nobody knows. Chooses whom a lost leader
   * is replaced by. Nobody knows when absent.
   */
  readonly wholeEpochOf?: (slotId: number, follower: PeerId) => number | undefined;
  /** True when every slot is served and every node heard: only then is anything moved for balance. */
  readonly isStable: boolean;
}

const SAME_PLACE: Place = { machine: '', zone: '' };

/** Instead of a leader epoch, for a follower that nobody has heard: less than any whole copy, more than one that is known to be none. */
const MAYBE_WHOLE = 0.5;

/**
 * The next slot table. Failover first and without limit: a slot whose leader is gone is led by a follower, a synced one if there is
 * any, else by the restarted leader itself, whose restart cache may know the slot, else by the follower whose copy was whole most lately:
 * a leader may have been lost before it served, and of its followers one may have been started a moment ago. Then missing followers are
 * filled. Only a complete and stable table is balanced, by weight and a few moves a round (`balanceSlots`).
 *
 * Returns the same table object when nothing changes; otherwise the epoch is one higher, and so is every changed leader's epoch.
 */
export function allocateSlots(input: AllocationInput): SlotTable {
  if (input.dataNodes.length === 0) return input.table;
  const draft = new DraftTable(input.table, input.slotCount, input.dataNodes, input.weightOf ?? (() => 0));
  const { isUnfit } = input;
  const unfit = isUnfit === undefined ? undefined : (slotId: number, node: number) => isUnfit(slotId, draft.peer(node));
  const placement = new Placement(draft.nodes, input.placeOf ?? (() => SAME_PLACE), unfit);
  const copies = Math.min(input.replicas, draft.nodes.length);
  const isReplaced = replaceLeaders(draft, input);
  const isFilled = fillFollowers(draft, placement, copies - 1);
  const isComplete = !draft.isShorter && !isReplaced && !isFilled;
  if (isComplete && input.isStable) balanceSlots(draft, placement, copies, input.isSynced);
  return draft.result();
}

function replaceLeaders(draft: DraftTable, input: AllocationInput): boolean {
  const isEmpty = (node: number | undefined) => node !== undefined && input.emptyNodes?.has(draft.peer(node)) === true;
  const formerLeaders = new Map<DraftSlot, number>();
  let isChanged = false;
  for (const slot of draft.slots) {
    if (slot.leader !== undefined && isEmpty(slot.leader)) {
      formerLeaders.set(slot, slot.leader);
      slot.leader = undefined;
    }
    if (slot.followers.some(isEmpty)) {
      slot.followers = slot.followers.filter((node) => !isEmpty(node));
      isChanged = true;
    }
  }
  const leaderless = draft.slots.filter((slot) => slot.leader === undefined);
  // A slot with one copy left is the most urgent; one with none cannot be rescued quickly, so it comes last.
  const urgency = (slot: DraftSlot) => (slot.followers.length === 0 ? Number.MAX_SAFE_INTEGER : slot.followers.length);
  leaderless.sort((a, b) => urgency(a) - urgency(b) || b.weight - a.weight);
  const loads = draft.loads();
  for (const slot of leaderless) {
    const leader = chooseLeader(slot, formerLeaders.get(slot), draft, loads, input);
    loads.lead(leader, slot.weight);
    if (!slot.followers.includes(leader)) loads.hold(leader, slot.followers, slot.weight);
    draft.lead(slot, leader);
  }
  return isChanged || leaderless.length > 0;
}

function chooseLeader(
  slot: DraftSlot,
  former: number | undefined,
  draft: DraftTable,
  loads: Loads,
  { isSynced, wholeEpochOf }: AllocationInput,
): number {
  const trust = (node: number) => {
    const peer = draft.peer(node);
    return isSynced(slot.slotId, peer) ? Number.POSITIVE_INFINITY : (wholeEpochOf?.(slot.slotId, peer) ?? MAYBE_WHOLE);
  };
  const trusted = Math.max(0, ...slot.followers.map(trust));
  if (trusted < slot.leaderEpoch && former !== undefined) return former;
  const best = slot.followers.filter((node) => trust(node) === trusted);
  return leastLoaded(best, loads) ?? leastLoaded([...draft.nodes.keys()], loads) ?? 0;
}

function leastLoaded(nodes: readonly number[], loads: Loads): number | undefined {
  let least: number | undefined;
  for (const node of nodes) {
    if (least === undefined) least = node;
    else if ((loads.leadOf(node) - loads.leadOf(least) || loads.copyOf(node) - loads.copyOf(least)) < 0) least = node;
  }
  return least;
}

/**
 * Gives every slot the followers it lacks: the emptiest slots first, each copy where it stands apart, then on the node with least that also
 * shares least with those that hold the slot, so that what one of them leads is led by many when it is lost.
 */
function fillFollowers(draft: DraftTable, placement: Placement, wanted: number): boolean {
  const lacking = draft.slots.filter((slot) => slot.followers.length < wanted);
  lacking.sort((a, b) => a.followers.length - b.followers.length || b.weight - a.weight);
  const loads = draft.loads();
  for (const slot of lacking) {
    while (slot.followers.length < wanted) {
      const node = bestPlace(slot, draft, placement, loads);
      if (node === undefined) break;
      loads.hold(node, heldBy(slot), slot.weight);
      slot.followers.push(node);
    }
  }
  return lacking.length > 0;
}

function bestPlace(slot: DraftSlot, draft: DraftTable, placement: Placement, loads: Loads): number | undefined {
  const held = heldBy(slot);
  const fullness = (node: number) => loads.copyOf(node) + loads.sharedWith(held, node) * (draft.nodes.length - 1);
  let best: number | undefined;
  let bestCrowding = 0;
  for (const node of draft.nodes.keys()) {
    if (held.includes(node)) continue;
    const crowding = placement.crowding(slot.slotId, [...held, node]);
    const isBetter =
      best === undefined || (crowding - bestCrowding || fullness(node) - fullness(best) || loads.leadOf(node) - loads.leadOf(best)) < 0;
    if (!isBetter) continue;
    best = node;
    bestCrowding = crowding;
  }
  return best;
}

function heldBy({ leader, followers }: DraftSlot): readonly number[] {
  return leader === undefined ? followers : [leader, ...followers];
}
