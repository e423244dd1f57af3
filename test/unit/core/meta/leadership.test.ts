import { describe, expect, it } from 'vitest';
import {
  type Leadership as Grant,
  type NodeId,
  type ProcessId,
  processId,
  RegistryError,
  RegistryErrorCode,
} from '../../../../core/index.ts';
import { Leadership } from '../../../../core/meta/leadership.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { NO_METRICS, SILENT_LOG } from '../../../support/standalone.ts';

const SELF = processId('m1' as NodeId, 'a');
const OTHER = processId('m2' as NodeId, 'a');
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A store that grants what the test says, when the test says. */
class ScriptedStore extends MemoryStore {
  holder: ProcessId = SELF;
  term = 7;
  isSilent = false;
  readonly answers: (() => void)[] = [];
  isHeld = false;

  override async campaign(name: string, holder: ProcessId, validForMs: number): Promise<Grant> {
    if (this.isHeld) await new Promise<void>((resolve) => this.answers.push(resolve));
    if (this.isSilent) throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'no answer');
    return { name, holder: this.holder, term: this.term, validForMs: this.holder === holder ? validForMs : 0 };
  }
}

async function campaigning() {
  const clock = new HandClock();
  const store = new ScriptedStore();
  const told: string[] = [];
  const random = { next: () => 0.5, uuid: () => 'u' };
  const host = { nodeId: 'm1' as NodeId, processId: SELF, clock, random, log: SILENT_LOG, metrics: NO_METRICS };
  const leadership = new Leadership(host, store, 1_000, 5_000, {
    won: (term) => told.push(`won ${term}`),
    lost: (reason) => told.push(`lost: ${reason}`),
  });
  await leadership.start();
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await settled();
    }
  };
  return { clock, store, told, leadership, pass };
}

describe('leadership', () => {
  it('lasts while it is renewed, in one term', async () => {
    const { told, leadership, pass } = await campaigning();
    await pass(20_000);
    expect(leadership.term).toBe(7);
    expect(told).toEqual(['won 7']);
  });

  it('ends by itself when the store is silent for as long as the lease', async () => {
    const { store, told, leadership, pass } = await campaigning();
    store.isSilent = true;
    await pass(4_800);
    expect(leadership.term).toBe(7);
    await pass(300);
    expect(leadership.term).toBeUndefined();
    expect(told).toEqual(['won 7', 'lost: the lease was not renewed in time']);
    store.isSilent = false;
    store.term = 9;
    await pass(1_000);
    expect(told.at(-1)).toBe('won 9');
  });

  it('counts the lease from before it asked: an answer that comes too late gives nothing', async () => {
    const { store, told, leadership, pass } = await campaigning();
    store.isHeld = true;
    await pass(7_000);
    expect(leadership.term).toBeUndefined();
    for (const answer of store.answers) answer();
    await settled();
    expect(leadership.term).toBeUndefined();
    expect(told).toEqual(['won 7', 'lost: the lease was not renewed in time']);
  });

  it('ends as soon as the store names another holder, and names it', async () => {
    const { store, told, leadership, pass } = await campaigning();
    store.holder = OTHER;
    store.term = 8;
    await pass(1_100);
    expect(leadership.term).toBeUndefined();
    expect(leadership.holder).toBe(OTHER);
    expect(told).toEqual(['won 7', 'lost: another Meta leads']);
  });

  it('is lost and won when the term changed in between', async () => {
    const { store, told, pass } = await campaigning();
    store.term = 11;
    await pass(1_100);
    expect(told).toEqual(['won 7', 'lost: its lease had run out', 'won 11']);
  });

  it('is left to others for a while when it is stepped down from', async () => {
    const { told, leadership, pass } = await campaigning();
    await leadership.stepDown('nobody comes', 3_000);
    expect(leadership.term).toBeUndefined();
    await pass(2_900);
    expect(told).toEqual(['won 7', 'lost: nobody comes']);
    await pass(1_000);
    expect(told.at(-1)).toBe('won 7');
  });
});
