import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BoltClass } from '../../adapters/sofa-bolt/codec/class-names.ts';
import { BoltCodec, BoltStatus } from '../../adapters/sofa-bolt/codec/frame.ts';
import { type BaseRegister, encodePublisherRegister, encodeSubscriberRegister } from '../../adapters/sofa-bolt/codec/messages.ts';
import { decodeMultiReceivedData } from '../../adapters/sofa-bolt/codec/received-data.ts';
import { type BoltConnection, baseRegister } from '../support/bolt-connection.ts';
import { decodeProtobuf, encodeProtobuf, PROTOBUF_PACKAGE } from '../support/bolt-protobuf.ts';
import { BoltScene } from '../support/bolt-scene.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';

const V2_CRC = { protocol: 2, version: 2, switches: 1 } as const;

/** What the wire shows and a real client hides. */
describe('registrations over bolt', () => {
  let gateway: GatewayProcess;
  let scene: BoltScene;

  beforeAll(async () => {
    gateway = await GatewayProcess.start();
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    scene = new BoltScene(() => gateway.sofaPort);
  });
  afterEach(() => scene.end());

  it('an unknown name is pushed once, empty, with version 1, after a wait', async () => {
    const client = await scene.connect();
    const sinceMs = performance.now();
    expect(await client.subscribe(scene.register('s'))).toMatchObject({ success: true, refused: false, registId: 's', version: 1n });
    await eventually(() => expect(client.pushes).toHaveLength(1));
    expect(client.pushes[0]).toMatchObject({ version: 1n, values: [], registIds: ['s'] });
    expect((client.pushes[0]?.atMs ?? 0) - sinceMs).toBeGreaterThan(200);
  });

  it('the same content again, by a duplicate or after a reconnect, gives no new version and no push', async () => {
    const [publisher, reader] = [await scene.connect(), await scene.connect()];
    await publisher.publish(scene.register('p'), ['a', 'b']);
    await reader.subscribe(scene.register('s'));
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['a', 'b']));
    expect(await publisher.publish(scene.register('p'), ['a', 'b'])).toMatchObject({ success: true, version: 1n });
    const again = await scene.connect();
    expect(await again.publish(scene.register('p'), ['a', 'b'])).toMatchObject({ success: true, version: 1n });
    await publisher.close();
    expect(await again.publish(scene.register('p', 3n), ['a', 'b'])).toMatchObject({ success: true, version: 3n });
    // A change behind all that is the next push, so nothing was in between.
    await again.publish(scene.register('q'), ['c']);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['a', 'b', 'c']));
    expect(reader.pushes).toHaveLength(2);
  });

  it('an older version of a registration is acknowledged with its own number and changes nothing', async () => {
    const [publisher, reader] = [await scene.connect(), await scene.connect()];
    await reader.subscribe(scene.register('s'));
    await publisher.publish(scene.register('p', 5n), ['new']);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['new']));
    expect(await publisher.publish(scene.register('p', 4n), ['old'])).toMatchObject({ success: true, refused: false, version: 4n });
    await publisher.publish(scene.register('q'), ['other']);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['new', 'other']));
  });

  it('what another connection has taken over does not go with the old one', async () => {
    const [old, reader] = [await scene.connect(), await scene.connect()];
    await old.publish(scene.register('p'), ['kept']);
    await reader.subscribe(scene.register('s'));
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['kept']));
    const again = await scene.connect();
    await again.publish(scene.register('p'), ['kept']);
    await old.close();
    await again.publish(scene.register('q'), ['more']);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['kept', 'more']));
    expect(reader.pushes.every((push) => push.values.includes('kept'))).toBe(true);
  });

  it('pushes of one name to one client keep their distance, and versions only grow', async () => {
    const [publisher, reader] = [await scene.connect(), await scene.connect()];
    await reader.subscribe(scene.register('s'));
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual([]));
    const sinceMs = performance.now();
    for (let version = 1; version <= 40; version += 1) {
      await publisher.publish(scene.register('p', BigInt(version)), [`v${version}`]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['v40']));
    const pushes = reader.pushes.slice(1);
    expect(pushes.length).toBeGreaterThan(1);
    const versions = reader.pushes.map((push) => push.version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => (a < b ? -1 : 1)));
    // 150 ms between two writes: each is read so much later than the first change at least, however late any of them is read.
    for (const [index, push] of pushes.entries()) expect(push.atMs - sinceMs).toBeGreaterThan(index * 150);
  });

  it('every version is above what a real SOFARegistry gave out before this moment', async () => {
    const [publisher, reader] = [await scene.connect(), await scene.connect()];
    // The numbering of a real server at the moment before: (ms since 2019-01-01 +08:00) * 2^15 and its whole sequence.
    const upstream = BigInt(Date.now() - 1_546_272_000_000) * 32_768n - 1n;
    await publisher.publish(scene.register('p'), ['x']);
    await reader.subscribe(scene.register('s'));
    await reader.configure(scene.register('c', 0n));
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['x']));
    await eventually(() => expect(reader.configs).toHaveLength(1));
    expect(reader.pushes.at(-1)?.version).toBeGreaterThan(upstream);
    await publisher.publish({ ...scene.register('p', 2n), eventType: 'UNREGISTER' }, []);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual([]));
    expect(reader.pushes.at(-1)?.version).toBeGreaterThan(upstream);
    expect(reader.configs[0]?.dataBox).toBeNull();
    expect(reader.configs[0]?.version).toBeGreaterThan(upstream);
  });

  it.each<[string, Partial<BaseRegister>]>([
    ['a dataId that is empty', { dataId: '' }],
    ['a dataId that is blank', { dataId: '  ' }],
    ['a group with the delimiter', { group: 'a#@#b' }],
    ['a dataId that is too long', { dataId: 'x'.repeat(1_025) }],
    ['a group that is too long', { group: 'x'.repeat(257) }],
    ['an instanceId that is too long', { instanceId: 'x'.repeat(257) }],
    ['no registId', { registId: null }],
    ['a negative version', { version: -1n }],
    ['an attribute that is too large', { attributes: new Map([['k', 'x'.repeat(1_100_000)]]) }],
    ['too many attributes', { attributes: new Map(Array.from({ length: 1_025 }, (_, i) => [`k${i}`, ''])) }],
  ])('%s is refused for good, so that the client does not ask for ever', async (_name, fields) => {
    const client = await scene.connect();
    const version = fields.version ?? 7n;
    for (const answer of [
      await client.publish({ ...scene.register('r'), version, ...fields }, ['x']),
      await client.subscribe({ ...scene.register('r'), version, ...fields }),
    ])
      expect(answer).toMatchObject({ success: true, refused: true, version });
    expect((await client.heartbeat()).status).toBe(BoltStatus.Success);
  });

  it('a box without data is kept, an unknown event is acknowledged and ignored, a blocked publisher is not stored', async () => {
    const client = await scene.connect();
    await client.publish(scene.register('null'), ['x', null]);
    await client.publish({ ...scene.register('event'), eventType: 'OTHER' }, ['never']);
    const blocked = { ...scene.register('blocked'), attributes: new Map([['!Blocked', 'yes']]) };
    expect(await client.publish(blocked, ['never'])).toMatchObject({ success: true, refused: false });
    await client.subscribe(scene.register('s'));
    await eventually(() => expect(client.newest(scene.dataId)).toEqual([null, 'x']));
  });

  it('bolt v2 with CRC is answered and pushed in kind', async () => {
    const client = await scene.connect({ dialect: V2_CRC });
    await client.publish(scene.register('p'), ['x']);
    // A heartbeat has no CRC, whatever the other frames have.
    expect(await client.heartbeat()).toMatchObject({ protocol: 2, version: 2, switches: 0 });
    await client.subscribe(scene.register('s'));
    await eventually(() => expect(client.newest(scene.dataId)).toEqual(['x']));
    expect(client.requests.every(({ protocol, version, switches }) => protocol === 2 && version === 2 && switches === 1)).toBe(true);
  });

  it('several data centres are accepted with scope global only, and pushed as one segment', async () => {
    const client = await scene.connect();
    const message = { ...baseRegister(scene.register('m')), acceptEncoding: 'zstd,gzip', acceptMulti: true };
    const refused = await client.request(BoltClass.SubscriberRegister, encodeSubscriberRegister({ ...message, scope: 'zone' }));
    expect(refused.status).toBe(BoltStatus.ServerException);
    await client.publish(scene.register('p'), ['x']);
    await client.subscribe(scene.register('m'), 'global', true);
    await client.subscribe(scene.register('plain'), 'global');
    await eventually(() => expect(client.newest(scene.dataId)).toEqual(['x']));
    await eventually(() => expect(client.requests.some(({ className }) => className === BoltClass.MultiReceivedData)).toBe(true));
    const push = client.requests.find(({ className }) => className === BoltClass.MultiReceivedData);
    const { localSegment, subscriberRegistIds, multiData } = decodeMultiReceivedData(push?.content ?? new Uint8Array());
    expect([localSegment, subscriberRegistIds]).toEqual(['DefaultDataCenter', ['m']]);
    expect(multiData.get('DefaultDataCenter')?.unzipData).toEqual(new Map([['DEFAULT_ZONE', [{ data: 'x' }]]]));
  });

  it('a request of an unknown class or codec, and a content that cannot be read, are answered, and the connection goes on', async () => {
    const client = await scene.connect();
    expect((await client.request('com.example.Nothing', new Uint8Array())).status).toBe(BoltStatus.ServerException);
    expect((await client.request(BoltClass.PublisherRegister, new Uint8Array(), 77)).status).toBe(BoltStatus.ServerException);
    const content = encodePublisherRegister({ ...baseRegister(scene.register('p')), dataList: null });
    const cut = await client.request(BoltClass.PublisherRegister, content.subarray(0, 100));
    expect(cut).toMatchObject({ status: BoltStatus.ServerDeserialException, className: '', codec: BoltCodec.Hessian });
    expect(cut.content).toHaveLength(0);
    // The final Hessian 2.0 begins a class with C.
    const final = await client.request(BoltClass.PublisherRegister, Buffer.from('4301619160', 'hex'));
    expect(final.status).toBe(BoltStatus.ServerDeserialException);
    expect((await client.heartbeat()).status).toBe(BoltStatus.Success);
  });

  describe('in protobuf', () => {
    const pb = (message: string) => `${PROTOBUF_PACKAGE}.${message}`;
    const ask = (client: BoltConnection, message: string, fields: Readonly<Record<string, unknown>>) =>
      client.request(pb(message), encodeProtobuf(message, fields), BoltCodec.Protobuf);
    const base = (registId: string, fields: Readonly<Record<string, unknown>> = {}) => ({
      baseRegister: { dataId: scene.dataId, registId, group: 'DEFAULT_GROUP', eventType: 'REGISTER', version: 1, zone: 'Z', ...fields },
    });

    it('a sidecar and a Java client see each other', async () => {
      const [sidecar, java] = [await scene.connect(), await scene.connect()];
      const answer = await ask(sidecar, 'PublisherRegisterPb', { ...base('p'), dataList: [{ data: 'from the sidecar' }] });
      expect(answer).toMatchObject({ status: BoltStatus.Success, codec: BoltCodec.Protobuf, className: pb('RegisterResponsePb') });
      const said = { success: true, registId: 'p', version: '1', message: 'Publisher register success!' };
      expect(decodeProtobuf('RegisterResponsePb', answer.content)).toEqual(said);
      await ask(sidecar, 'SubscriberRegisterPb', { ...base('s'), scope: 'global' });
      await java.publish(scene.register('j'), ['from Java']);
      await java.subscribe(scene.register('sj'));
      await eventually(() => expect(java.newest(scene.dataId)).toEqual(['from Java', 'from the sidecar']));
      await eventually(() => {
        const push = sidecar.requests.at(-1);
        expect(push).toMatchObject({ className: pb('ReceivedDataPb'), codec: BoltCodec.Protobuf });
        const { data, subscriberRegistIds } = decodeProtobuf('ReceivedDataPb', push?.content ?? new Uint8Array());
        expect(subscriberRegistIds).toEqual(['s']);
        expect(data).toEqual({ DEFAULT_ZONE: { data: [{ data: 'from Java' }] }, Z: { data: [{ data: 'from the sidecar' }] } });
      });
      const pushesBefore = sidecar.requests.length;
      // An answered push is not repeated: the next one is the next change.
      await ask(sidecar, 'PublisherRegisterPb', base('p', { eventType: 'UNREGISTER', version: 2 }));
      await eventually(() => expect(java.newest(scene.dataId)).toEqual(['from Java']));
      await eventually(() => expect(sidecar.requests).toHaveLength(pushesBefore + 1));
    });

    it('several requests in one packet are answered in order, though protobuf has to be loaded first', async () => {
      const client = await scene.connect();
      const answers = [
        ask(client, 'SyncConfigRequestPb', { dataCenter: 'DefaultDataCenter', zone: 'Z' }),
        client.heartbeat(),
        ask(client, 'PublisherRegisterPb', base('p')),
      ];
      const [sync, heartbeat, published] = await Promise.all(answers);
      expect(decodeProtobuf('SyncConfigResponsePb', sync?.content ?? new Uint8Array())).toEqual({ result: { success: true } });
      expect([heartbeat?.status, published?.status]).toEqual([BoltStatus.Success, BoltStatus.Success]);
    });

    it('errors have the codec of the request', async () => {
      const client = await scene.connect();
      const refused = await ask(client, 'PublisherRegisterPb', base('p', { dataId: '' }));
      expect(decodeProtobuf('RegisterResponsePb', refused.content)).toMatchObject({ success: true, refused: true });
      const broken = await client.request(pb('PublisherRegisterPb'), Buffer.from('0affffffff0f61', 'hex'), BoltCodec.Protobuf);
      expect(broken).toMatchObject({ status: BoltStatus.ServerDeserialException, codec: BoltCodec.Protobuf });
      const unknown = await ask(client, 'ResultPb', {});
      expect(unknown).toMatchObject({ status: BoltStatus.ServerException, codec: BoltCodec.Protobuf });
      const multi = await ask(client, 'SubscriberRegisterPb', { ...base('s'), scope: 'zone', acceptMulti: true });
      expect(multi.status).toBe(BoltStatus.ServerException);
    });

    it('a publisher of more values than can be read again is refused, and nobody is hurt', async () => {
      const client = await scene.connect();
      const dataList = Array.from({ length: 60_001 }, () => ({ data: '' }));
      const refused = await ask(client, 'PublisherRegisterPb', { ...base('p'), dataList });
      expect(decodeProtobuf('RegisterResponsePb', refused.content)).toMatchObject({ success: true, refused: true });
      await ask(client, 'PublisherRegisterPb', { ...base('p'), dataList: dataList.slice(1) });
      await ask(client, 'SubscriberRegisterPb', { ...base('s'), scope: 'global' });
      await eventually(() => {
        const { pushDataCount } = decodeProtobuf('ReceivedDataPb', client.requests.at(-1)?.content ?? new Uint8Array());
        expect(pushDataCount).toEqual({ Z: 60_000 });
      });
    });

    it('several data centres are pushed as one segment', async () => {
      const client = await scene.connect();
      await ask(client, 'PublisherRegisterPb', { ...base('p'), dataList: [{ data: 'x' }] });
      await ask(client, 'SubscriberRegisterPb', { ...base('s'), scope: 'global', acceptMulti: true });
      await eventually(() => expect(client.requests.at(-1)?.className).toBe(pb('MultiReceivedDataPb')));
      const { multiData } = decodeProtobuf('MultiReceivedDataPb', client.requests.at(-1)?.content ?? new Uint8Array());
      expect(multiData).toMatchObject({ DefaultDataCenter: { unzipData: { Z: { data: [{ data: 'x' }] } } } });
    });
  });
});
