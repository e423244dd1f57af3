import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../../core/model/errors.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import { dispatcher, type MessageHandler } from '../../../../core/wire/dispatch.ts';
import { beginFrame, MessageKind, openFrame } from '../../../../core/wire/frame.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const FROM = 'node-2/session' as PeerId;
const PULSE = beginFrame(MessageKind.SessionPulse).u8(7).finish();

describe('a role that takes messages', () => {
  it.each<[string, MessageHandler]>([
    ['at once', () => Uint8Array.of(1, 9)],
    ['later', async () => Uint8Array.of(1, 9)],
  ])('answers with what the handler of the kind gives %s', async (_name, handler) => {
    const other = () => expect.fail('not my message');
    const handle = dispatcher(
      new Map([
        [MessageKind.SlotBatch, other],
        [MessageKind.SessionPulse, handler],
      ]),
      SILENT_LOG,
    );
    expect(await handle(FROM, PULSE)).toEqual(Uint8Array.of(1, 9));
  });

  it('hands the sender and the whole frame to the handler', async () => {
    const seen: unknown[] = [];
    await dispatcher(new Map([[MessageKind.SessionPulse, (...all: unknown[]) => void seen.push(...all)]]), SILENT_LOG)(FROM, PULSE);
    expect(seen).toEqual([FROM, PULSE]);
  });

  it('answers nothing to a one-way message', async () => {
    expect(await dispatcher(new Map([[MessageKind.SessionPulse, () => undefined]]), SILENT_LOG)(FROM, PULSE)).toBeUndefined();
  });

  it.each<[string, MessageHandler, { code: string; message: string }, number]>([
    [
      'a RegistryError',
      () => {
        throw new RegistryError('conflict', 'lost');
      },
      { code: 'conflict', message: 'conflict: lost' },
      0,
    ],
    [
      'a rejection',
      async () => {
        throw new RegistryError('stopped', 'bye');
      },
      { code: 'stopped', message: 'stopped: bye' },
      0,
    ],
    [
      'an exception of its own',
      () => {
        throw new TypeError('x is undefined');
      },
      { code: 'unavailable', message: 'unavailable: x is undefined' },
      1,
    ],
  ])('answers %s of a handler as an error, and logs what is a fault of the program', async (_name, handler, expected, faults) => {
    const logged: unknown[] = [];
    const log = { ...SILENT_LOG, error: (_message: string, fields?: object) => void logged.push(fields) };
    const answer = await dispatcher(new Map([[MessageKind.SessionPulse, handler]]), log)(FROM, PULSE);
    expect(logged).toHaveLength(faults);
    for (const fields of logged) expect(fields).toMatchObject({ from: FROM, reason: expect.stringContaining('x is undefined') });
    expect(() => openFrame(answer ?? new Uint8Array(0), MessageKind.SessionPulse)).toThrow(expect.objectContaining(expected));
  });

  it.each([
    ['a kind it has no handler for', PULSE],
    ['an unknown kind', Uint8Array.of(1, 200)],
    ['another protocol version', Uint8Array.of(77, 1)],
    ['no bytes', new Uint8Array(0)],
  ])('answers %s as malformed', async (_name, frame) => {
    const answer = await dispatcher(new Map(), SILENT_LOG)(FROM, frame);
    expect(() => openFrame(answer ?? new Uint8Array(0), MessageKind.SessionPulse)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
