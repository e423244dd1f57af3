import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BoltConnection } from '../support/bolt-connection.ts';
import { BoltScene } from '../support/bolt-scene.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { RECORDINGS, type RecordedFrame } from '../unit/adapters/sofa-bolt/codec/vectors.ts';

const CHANGES = 30n;

/** A client drops every push whose version is not greater than the last one it took, from whichever server that came (SOFA bolt protocol, datum versions). */
describe('versions of pushes', () => {
  let gateway: GatewayProcess;
  let scene: BoltScene;

  beforeEach(async () => {
    scene = new BoltScene(() => gateway.sofaPort);
    gateway = await GatewayProcess.start();
  });
  afterEach(async () => {
    await scene.end();
    await gateway.stop();
  });

  /** What a client that lives through all of it holds: the versions of all pushes of all its connections. */
  const versionsOf = (...clients: readonly BoltConnection[]) => clients.flatMap((client) => client.pushes).map((push) => push.version);

  it.each([
    ['killed', async () => gateway.kill()],
    [
      'ended',
      async () => {
        gateway.signal('SIGTERM');
        await gateway.exited();
      },
    ],
    [
      'killed, and its restart cache is lost',
      async () => {
        await gateway.kill();
        rmSync(join(gateway.dataDir, 'restart'), { recursive: true });
      },
    ],
  ])('only grow for a client over reconnects and over a gateway that is %s', async (_name, end) => {
    const [publisher, first] = [await scene.connect(), await scene.connect()];
    await first.subscribe(scene.register('s'));
    // Close changes use up the numbers of their millisecond, so that the clock alone is not what makes versions grow.
    for (let version = 1n; version <= CHANGES; version += 1n) await publisher.publish(scene.register('p', version), [`v${version}`]);
    await eventually(() => expect(first.newest(scene.dataId)).toEqual([`v${CHANGES}`]));
    await first.close();
    const second = await scene.connect();
    await second.subscribe(scene.register('s'));
    await eventually(() => expect(second.newest(scene.dataId)).toEqual([`v${CHANGES}`]));
    // Nothing changed, so nothing is new.
    expect(second.pushes[0]?.version).toBe(first.pushes.at(-1)?.version);

    await end();
    await gateway.start();
    const [publisherAgain, third] = [await scene.connect(), await scene.connect()];
    await third.subscribe(scene.register('s'));
    await publisherAgain.publish(scene.register('p', CHANGES), [`v${CHANGES}`]);
    await eventually(() => expect(third.newest(scene.dataId)).toEqual([`v${CHANGES}`]));
    await publisherAgain.publish(scene.register('p', CHANGES + 1n), ['after']);
    await eventually(() => expect(third.newest(scene.dataId)).toEqual(['after']));
    const [before, after] = [versionsOf(first, second), versionsOf(third)];
    const greatest = before.reduce((a, b) => (a > b ? a : b));
    // 1 stands for "nobody knows this name", which no client takes for news.
    expect(after.filter((version) => version !== 1n && version <= greatest)).toEqual([]);
    for (const versions of [before, after]) expect(versions).toEqual([...versions].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('are above those that a real SOFARegistry gave to clients that move here', async () => {
    const recorded = RECORDINGS.filter(({ file }) => file.startsWith('real-server-')).flatMap(({ frames }) =>
      frames.flatMap(pushedVersions),
    );
    expect(recorded.length).toBeGreaterThan(5);
    const greatest = recorded.reduce((a, b) => (a > b ? a : b));
    const client = await scene.connect();
    await client.publish(scene.register('p'), ['x']);
    await client.subscribe(scene.register('s'));
    await client.configure(scene.register('c', 0n));
    await eventually(() => expect(client.newest(scene.dataId)).toEqual(['x']));
    await eventually(() => expect(client.configs).toHaveLength(1));
    expect(client.pushes[0]?.version).toBeGreaterThan(greatest);
    expect(client.configs[0]?.version).toBeGreaterThan(greatest);
  });
});

/** The version in a recorded push of lists or configuration. */
function pushedVersions({ dir, parsed }: RecordedFrame): readonly bigint[] {
  const version = dir === 'server->client' && parsed.type === 1 ? parsed.content?.['version'] : undefined;
  if (version === undefined || version === null || typeof version !== 'object' || !('$long' in version)) return [];
  return [BigInt(String(version['$long']))];
}
