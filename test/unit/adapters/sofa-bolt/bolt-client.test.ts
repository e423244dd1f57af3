import { beforeEach, describe, expect, it } from 'vitest';
import type { Blacklists } from '../../../../adapters/sofa-bolt/blacklists.ts';
import { BoltClient, type BoltClientParts } from '../../../../adapters/sofa-bolt/bolt-client.ts';
import { BoltClass } from '../../../../adapters/sofa-bolt/codec/class-names.ts';
import { BoltCodec, BoltCommand, BoltType, encodeHeartbeat, encodeRequest } from '../../../../adapters/sofa-bolt/codec/frame.ts';
import { FrameReader } from '../../../../adapters/sofa-bolt/codec/frame-reader.ts';
import {
  decodeRegisterResponse,
  encodePublisherRegister,
  encodeSubscriberRegister,
} from '../../../../adapters/sofa-bolt/codec/messages.ts';
import type { Configurations } from '../../../../adapters/sofa-bolt/configurators.ts';
import { InboundBudget } from '../../../../adapters/sofa-bolt/inbound-budget.ts';
import {
  type ClientInfo,
  type CloseReason,
  type DataInfoId,
  type Host,
  type Publisher,
  type Push,
  type PushOutcome,
  RegistryError,
  RegistryErrorCode,
  Scope,
  type SessionGateway,
  type Subscriber,
} from '../../../../core/index.ts';
import { baseRegister } from '../../../support/bolt-connection.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const V1 = { protocol: 1, version: 1, switches: 0 } as const;
const IDLE_MS = 45_000;
const MEGABYTE = 1024 * 1024;

describe('a bolt client', () => {
  let clock: HandClock;
  let client: BoltClient;
  let info: ClientInfo;
  let publish: () => void;
  let subscribed: (subscriber: Subscriber) => void;
  let closes: CloseReason[];
  let calls: string[];
  let written: Buffer;
  let waitingBytes: number;
  let loadProtobuf: BoltClientParts['loadProtobuf'];
  let inbound: InboundBudget;

  beforeEach(() => {
    clock = new HandClock();
    publish = () => undefined;
    subscribed = () => undefined;
    [closes, calls, written, waitingBytes] = [[], [], Buffer.alloc(0), 0];
    loadProtobuf = () => Promise.reject(new Error('no such file'));
    inbound = new InboundBudget(MEGABYTE);
    const connection = {
      publish: () => publish(),
      unpublish: () => undefined,
      subscribe: (subscriber: Subscriber) => subscribed(subscriber),
      unsubscribe: () => undefined,
      close: (reason: CloseReason) => closes.push(reason),
    };
    const gateway = {
      dataCenter: 'DefaultDataCenter',
      connect: (given: ClientInfo) => {
        info = given;
        return connection;
      },
    } as unknown as SessionGateway;
    const link = {
      address: '10.0.0.1:5',
      waitingBytes: () => waitingBytes,
      write: (parts: readonly Uint8Array[]) => {
        written = Buffer.concat([written, ...parts]);
      },
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
      end: () => calls.push('end'),
    };
    client = new BoltClient(link, {
      gateway,
      configurations: { onChange: () => () => undefined } as unknown as Configurations,
      blacklists: { forbidsPublishing: () => false } as unknown as Blacklists,
      host: { clock, log: SILENT_LOG } as unknown as Host,
      idleTimeoutMs: IDLE_MS,
      inbound,
      loadProtobuf: () => loadProtobuf(),
    });
  });

  /** Moves the time and lets one turn pass. */
  async function pass(byMs: number): Promise<void> {
    clock.advance(byMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** What was written since the last look. */
  function frames() {
    const all = new FrameReader().push(written);
    written = Buffer.alloc(0);
    return all;
  }

  function request(className: string, content: Uint8Array, codec: number = BoltCodec.Hessian): Buffer {
    const head = { ...V1, type: BoltType.Request, command: BoltCommand.Request, requestId: 7, codec, className } as const;
    return Buffer.from(encodeRequest({ ...head, timeoutMs: 1_000 }, content));
  }

  const registerPublisher = () =>
    request(BoltClass.PublisherRegister, encodePublisherRegister({ ...baseRegister({ dataId: 'd', registId: 'p' }), dataList: [] }));

  const registerSubscriber = () => {
    const register = { ...baseRegister({ dataId: 'd', registId: 's' }), scope: 'global', acceptEncoding: null, acceptMulti: false };
    return request(BoltClass.SubscriberRegister, encodeSubscriberRegister(register));
  };

  function pushOf(registerId: string): Push {
    const dataInfoId = 'd#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP' as DataInfoId;
    const subscriber = { dataInfoId, registerId, scope: Scope.Global, zone: 'Z', acceptsSeveralDataCenters: false, appName: '' };
    const memory = new Map<string, unknown>();
    const memo = <T>(key: string, make: () => T): T => {
      if (!memory.has(key)) memory.set(key, make());
      return memory.get(key) as T;
    };
    return {
      view: { dataInfoId, version: 5n, publishers: [], derived: [], memo },
      subscribers: [subscriber],
      cause: 'first',
    };
  }

  it('is answered first and pushed to afterwards, though the push comes while its request is handled', () => {
    subscribed = () => info.push(pushOf('s'), () => undefined);
    client.read(registerSubscriber());
    expect(frames().map((frame) => frame.className)).toEqual([BoltClass.RegisterResponse, BoltClass.ReceivedData]);
  });

  it.each([
    [RegistryErrorCode.LimitExceeded, true, true],
    [RegistryErrorCode.InvalidArgument, true, true],
    [RegistryErrorCode.Unavailable, false, false],
    [RegistryErrorCode.Stopped, false, false],
  ])('whose registration fails with %s is told success %s, refused %s', (code, success, refused) => {
    publish = () => {
      throw new RegistryError(code, 'why');
    };
    client.read(registerPublisher());
    const [answer] = frames();
    expect(decodeRegisterResponse(answer?.content ?? new Uint8Array())).toMatchObject({
      success,
      refused,
      version: 1n,
      message: `${code}: why`,
    });
  });

  it('whose socket is full is neither pushed to nor listened to until it has taken everything', async () => {
    client.read(Buffer.from(encodeHeartbeat(V1, 1)));
    frames();
    waitingBytes = MEGABYTE;
    const outcomes: PushOutcome[] = [];
    info.push(pushOf('s'), (outcome) => outcomes.push(outcome));
    expect([outcomes, frames()]).toEqual([['failed'], []]);
    client.read(Buffer.from(encodeHeartbeat(V1, 2)));
    expect(calls).toEqual(['pause']);
    await pass(IDLE_MS - 1);
    waitingBytes = 0;
    client.drained();
    expect(calls).toEqual(['pause', 'resume']);
    // What it said meanwhile could not be heard, so its silence counts from now.
    await pass(IDLE_MS - 1);
    expect(closes).toEqual([]);
    await pass(1);
    expect(closes).toEqual(['idle']);
  });

  it('is idle after its time without a byte, whatever is pushed to it', async () => {
    client.read(Buffer.from(encodeHeartbeat(V1, 1)));
    await pass(IDLE_MS - 1);
    client.read(Buffer.from([1]));
    await pass(IDLE_MS - 1);
    info.push(pushOf('s'), () => undefined);
    expect(closes).toEqual([]);
    await pass(1);
    expect([closes, calls]).toEqual([['idle'], ['end']]);
    client.close('clean');
    expect(closes).toEqual(['idle']);
  });

  it('is not idle for the time in which the gateway slept: what waits in its socket is read first', async () => {
    clock.advance(2 * IDLE_MS);
    client.read(Buffer.from(encodeHeartbeat(V1, 1)));
    await pass(IDLE_MS - 1);
    expect(closes).toEqual([]);
    await pass(1);
    expect(closes).toEqual(['idle']);
  });

  it('that goes away leaves no push without its outcome', () => {
    client.read(Buffer.from(encodeHeartbeat(V1, 1)));
    const outcomes: PushOutcome[] = [];
    for (const id of ['a', 'b']) info.push(pushOf(id), (outcome) => outcomes.push(outcome));
    client.close('broken');
    info.push(pushOf('c'), (outcome) => outcomes.push(outcome));
    expect(outcomes).toEqual(['closed', 'closed', 'closed']);
  });

  it('is not pushed what cannot be encoded, and the next push goes out', () => {
    client.read(Buffer.from(encodeHeartbeat(V1, 1)));
    frames();
    const outcomes: PushOutcome[] = [];
    const push = pushOf('s');
    const damaged = { payload: Buffer.from([0xff]), zone: 'Z' } as unknown as Publisher;
    info.push({ ...push, view: { ...push.view, publishers: [damaged] } }, (outcome) => outcomes.push(outcome));
    expect([outcomes, frames()]).toEqual([['failed'], []]);
    info.push(pushOf('s'), (outcome) => outcomes.push(outcome));
    expect([outcomes, frames()[0]?.className]).toEqual([['failed'], BoltClass.ReceivedData]);
  });

  it('is closed when protobuf cannot be loaded; until then it is not listened to', async () => {
    client.read(request('x', new Uint8Array(), BoltCodec.Protobuf));
    expect(calls).toEqual(['pause']);
    await new Promise((resolve) => setImmediate(resolve));
    expect([closes, calls, frames()]).toEqual([['broken'], ['pause', 'end'], []]);
  });

  it('keeps half a frame within the budget of all clients, and gives it back', () => {
    const large = registerPublisher();
    large.writeInt32BE(10 * MEGABYTE, 18);
    client.read(large);
    expect(inbound.usedBytes).toBe(large.length);
    client.read(Buffer.alloc(MEGABYTE));
    expect([closes, inbound.usedBytes]).toEqual([['broken'], 0]);
  });
});
