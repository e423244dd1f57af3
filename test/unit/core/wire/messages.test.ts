import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../../core/model/errors.ts';
import { encodeError, frameKind, MessageKind, PROTOCOL_VERSION } from '../../../../core/wire/frame.ts';
import { decodeCompareRoots, encodeCompareRoots } from '../../../../core/wire/slot-compare.ts';
import { Chance } from '../../../sim/world/chance.ts';
import { MESSAGES, type Message } from './messages.ts';
import { DIGEST, PROCESS } from './samples.ts';

const MALFORMED = expect.objectContaining({ name: 'RegistryError', code: 'malformed' });
/** Longer samples are cut at seeded places instead of everywhere. */
const CUT_EVERYWHERE_BYTES = 1_500;

describe.each(MESSAGES)('the message $name', (message) => {
  it.each(Object.keys(message.values))('comes back as it was sent: %s', (name) => {
    const value = message.values[name];
    const frame = encode(message, value);
    expect([frame[0], frame[1]]).toEqual([PROTOCOL_VERSION, message.kind]);
    expect(frameKind(frame)).toBe(message.kind);
    const decoded = message.decode(frame);
    // The large ones take seconds in `toEqual`, which is needed only to say what differs.
    if (!isDeepStrictEqual(decoded, value)) expect(decoded).toEqual(value);
  });

  it('is read from the middle of a larger buffer', () => {
    const [value] = Object.values(message.values);
    const frame = encode(message, value);
    const around = new Uint8Array(frame.length + 20).fill(0xee);
    around.set(frame, 9);
    expect(message.decode(around.subarray(9, 9 + frame.length))).toEqual(value);
  });

  it('is malformed when it is cut anywhere', () => {
    const chance = new Chance(31, message.name);
    let cuts = 0;
    for (const value of Object.values(message.values)) {
      const frame = encode(message, value);
      const lengths =
        frame.length <= CUT_EVERYWHERE_BYTES
          ? Array.from(frame.keys())
          : Array.from({ length: 20 }, () => chance.between(0, frame.length - 1)).concat(frame.length - 1);
      for (const length of lengths) {
        cuts += 1;
        const outcome = outcomeOf(message, frame.subarray(0, length));
        if (outcome !== 'malformed') expect.fail(`cut to ${length} of ${frame.length} bytes: ${outcome}`);
      }
    }
    // Of a message that says nothing the head alone.
    expect(cuts).toBeGreaterThanOrEqual(2);
  });

  it.each(Object.keys(message.values))('is malformed with a byte too many: %s', (name) => {
    const frame = encode(message, message.values[name]);
    expect(() => message.decode(Buffer.concat([frame, Uint8Array.of(0)]))).toThrow(MALFORMED);
  });

  it.each([0, PROTOCOL_VERSION + 2, 9, 127, 128, 255])('is refused in protocol version %d, which the error names', (version) => {
    const frame = encode(message, Object.values(message.values)[0]).slice();
    frame[0] = version;
    expect(() => message.decode(frame)).toThrow(MALFORMED);
    expect(() => message.decode(frame)).toThrow(`protocol version ${version} is not spoken here`);
  });

  it('is refused under the number of every other message, and under numbers nobody has', () => {
    const frame = encode(message, Object.values(message.values)[0]).slice();
    for (const kind of [...Object.values(MessageKind), 0, 10, 100, 254]) {
      if (kind === message.kind || kind === MessageKind.Error) continue;
      frame[1] = kind;
      expect(outcomeOf(message, frame), `kind ${kind}`).toBe('malformed');
    }
  });

  it('gives way to an error answer, which is thrown with its code and text', () => {
    const answer = encodeError(new RegistryError('store-unavailable', 'disk full'));
    expect(() => message.decode(answer)).toThrow(
      expect.objectContaining({ name: 'RegistryError', code: 'store-unavailable', message: 'store-unavailable: disk full' }),
    );
  });

  it('gives a value or a RegistryError for three thousand hostile byte strings', () => {
    const chance = new Chance(32, message.name);
    const frames = Object.values(message.values)
      .map((value) => encode(message, value))
      .filter((frame) => frame.length <= CUT_EVERYWHERE_BYTES);
    expect(frames.length).toBeGreaterThan(0);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 3_000; round += 1) {
      const frame = hostile(chance, message.kind, frames, round);
      // Noise that happens to be an error answer is one.
      if (frame[1] === MessageKind.Error) continue;
      const outcome = outcomeOf(message, frame);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(new Set(outcomes.keys())).toEqual(new Set(['malformed', 'value']));
    expect(outcomes.get('malformed')).toBeGreaterThan(1_000);
  });
});

describe('a message of version 1', () => {
  it('that compares roots says of no sequence', () => {
    const request = { scope: 'whole', owner: PROCESS, slots: [{ slotId: 3, leaderEpoch: 4, digest: DIGEST }], applied: [] } as const;
    const frame = encodeCompareRoots(request).slice(0, -1);
    frame[0] = 1;
    expect(decodeCompareRoots(frame)).toEqual(request);
  });
});

it('a comparison of roots with fewer sequences than slots is malformed', () => {
  const slots = [3, 4].map((slotId) => ({ slotId, leaderEpoch: 4, digest: DIGEST }));
  expect(() => decodeCompareRoots(encodeCompareRoots({ scope: 'whole', owner: PROCESS, slots, applied: [7] }))).toThrow(MALFORMED);
});

describe('all messages together', () => {
  it('cover every kind there is', () => {
    const covered = new Set<number>(MESSAGES.map(({ kind }) => kind));
    expect(Object.values(MessageKind).filter((kind) => !covered.has(kind))).toEqual([MessageKind.Error]);
  });
});

function encode(message: Message, value: unknown): Uint8Array {
  return message.encode(value as never);
}

function outcomeOf(message: Message, frame: Uint8Array): string {
  try {
    message.decode(frame);
    return 'value';
  } catch (caught) {
    return caught instanceof RegistryError ? caught.code : `not a RegistryError: ${String(caught)}`;
  }
}

/** In turn: noise, noise behind a right head, and a real message with some bytes changed, left out or put in. */
function hostile(chance: Chance, kind: number, frames: readonly Uint8Array[], round: number): Uint8Array {
  const noise = (length: number) => Array.from({ length }, () => (chance.isLucky(0.5) ? chance.between(0, 4) : chance.between(0, 255)));
  if (round % 3 === 0) return Uint8Array.from(noise(chance.between(0, 64)));
  if (round % 3 === 1) return Uint8Array.from([PROTOCOL_VERSION, kind, ...noise(chance.between(0, 64))]);
  const bytes = [...chance.pick(frames)];
  for (let changes = chance.between(1, 3); changes > 0; changes -= 1) {
    const at = chance.between(2, bytes.length);
    const removed = chance.between(0, 2);
    bytes.splice(at, removed, ...noise(chance.isLucky(0.6) ? removed : chance.between(0, 3)));
  }
  return Uint8Array.from(bytes);
}
