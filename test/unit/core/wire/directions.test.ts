import { describe, expect, it } from 'vitest';
import { type NodeId, peerId, Role } from '../../../../core/model/node.ts';
import { assertMaySend, WIRE_DIRECTIONS } from '../../../../core/wire/directions.ts';
import { dispatcher } from '../../../../core/wire/dispatch.ts';
import { beginFrame, MessageKind, openFrame } from '../../../../core/wire/frame.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const KINDS = Object.entries(MessageKind).filter(([name]) => name !== 'Error');
const from = (role: Role) => peerId('n1' as NodeId, role);

describe('the table of messages between roles', () => {
  it('has every kind, each with a sender and a receiver', () => {
    expect(Object.keys(WIRE_DIRECTIONS).map(Number).sort()).toEqual(KINDS.map(([, kind]) => kind).sort());
    expect(Object.values(WIRE_DIRECTIONS).filter((direction) => direction.from.length === 0 || direction.to.length === 0)).toEqual([]);
  });

  it('has no message from Session to Session', () => {
    const between = Object.values(WIRE_DIRECTIONS).filter(
      (direction) => direction.from.includes(Role.Session) && direction.to.includes(Role.Session),
    );
    expect(between).toEqual([]);
  });

  it.each(KINDS)('is what receivers go by: %s', async (_name, kind) => {
    const handler = dispatcher(new Map([[kind, () => beginFrame(kind).finish()]]), SILENT_LOG);
    for (const role of Object.values(Role)) {
      const answer = await handler(from(role), beginFrame(kind).finish());
      const open = () => openFrame(answer ?? new Uint8Array(0), kind);
      const senders: readonly Role[] = WIRE_DIRECTIONS[kind as keyof typeof WIRE_DIRECTIONS].from;
      if (senders.includes(role)) expect(open).not.toThrow();
      else expect(open).toThrow(`malformed: message kind ${kind} does not come from a ${role}`);
    }
  });

  it('lets nobody send an error as a message', () => {
    expect(() => assertMaySend(from(Role.Data), MessageKind.Error)).toThrow('malformed');
  });
});
