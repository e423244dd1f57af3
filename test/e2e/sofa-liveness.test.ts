import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BoltConnection } from '../support/bolt-connection.ts';
import { BoltScene } from '../support/bolt-scene.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';

const CLIENTS = 20;

/** When a client counts as gone, and what its end shows to others. */
describe('liveness of bolt clients', () => {
  let gateway: GatewayProcess;
  let scene: BoltScene;

  beforeEach(() => {
    scene = new BoltScene(() => gateway.sofaPort);
  });
  afterEach(async () => {
    await scene.end();
    await gateway.stop();
  });

  const ids = Array.from({ length: CLIENTS }, (_, i) => `p${i}`);
  const values = ids.map((id) => `value of ${id}`).sort();

  /** That many clients, each with a publisher of its own, and a reader that sees all of them. */
  async function crowd(): Promise<{ readonly reader: BoltConnection; readonly crowded: readonly BoltConnection[] }> {
    const reader = await scene.connect();
    const crowded: BoltConnection[] = [];
    for (const id of ids) {
      const client = await scene.connect();
      await client.publish(scene.register(id), [`value of ${id}`]);
      crowded.push(client);
    }
    await reader.subscribe(scene.register('s'));
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(values));
    return { reader, crowded };
  }

  it('who is silent for the idle time is closed and withdrawn; heartbeats keep a connection, pushes to it do not', async () => {
    gateway = await GatewayProcess.start({ args: ['--sofa.idle-timeout-ms', '1500'] });
    const [silent, alive] = [await scene.connect({ answersPushes: false }), await scene.connect()];
    await silent.publish(scene.register('silent'), ['silent']);
    await silent.subscribe(scene.register('s'));
    await alive.subscribe(scene.register('s'));
    await eventually(() => expect(alive.newest(scene.dataId)).toEqual(['silent']));
    const heartbeats = setInterval(() => void alive.heartbeat().catch(() => undefined), 300);
    let version = 1n;
    const changes = setInterval(() => {
      version += 1n;
      void alive.publish({ ...scene.register('p'), version }, [`v${version}`]).catch(() => undefined);
    }, 200);
    await silent.closed;
    clearInterval(changes);
    await eventually(() => expect(alive.newest(scene.dataId)).toEqual([`v${version}`]));
    expect(silent.requests.length).toBeGreaterThan(0);
    expect(alive.socket.destroyed).toBe(false);
    clearInterval(heartbeats);
  });

  it('a gateway that slept longer than the idle time closes nobody who did not', async () => {
    gateway = await GatewayProcess.start({ args: ['--sofa.idle-timeout-ms', '3000'] });
    const [publisher, reader] = [await scene.connect(), await scene.connect()];
    const heartbeats = setInterval(() => {
      for (const client of [publisher, reader]) void client.heartbeat().catch(() => undefined);
    }, 300);
    await publisher.publish(scene.register('p'), ['before']);
    await reader.subscribe(scene.register('s'));
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['before']));
    gateway.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    gateway.signal('SIGCONT');
    await publisher.publish(scene.register('p', 2n), ['after']);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['after']));
    expect(reader.pushes.map((push) => push.values)).toEqual([['before'], ['after']]);
    clearInterval(heartbeats);
  });

  it('one client that breaks is withdrawn at once, and so is one that says goodbye', async () => {
    gateway = await GatewayProcess.start();
    const { reader, crowded } = await crowd();
    crowded[0]?.socket.resetAndDestroy();
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(values.filter((value) => value !== 'value of p0')), 1_000);
    crowded[1]?.socket.end();
    await eventually(() => expect(reader.newest(scene.dataId)).toHaveLength(CLIENTS - 2), 1_000);
  });

  it('many that break together are not missed when they come back', async () => {
    gateway = await GatewayProcess.start();
    const { reader, crowded } = await crowd();
    for (const client of crowded) client.socket.resetAndDestroy();
    // A client needs its time: longer than a single break is held for.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const again = await scene.connect();
    for (const id of ids) await again.publish(scene.register(id), [`value of ${id}`]);
    await again.publish(scene.register('one more'), ['one more']);
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual(['one more', ...values]));
    expect(reader.pushes.map((push) => push.values.length).filter((size) => size < CLIENTS)).toEqual([]);
  });

  it('many that break together and stay away are withdrawn after a grace, all of them', async () => {
    gateway = await GatewayProcess.start();
    const { reader, crowded } = await crowd();
    const sinceMs = performance.now();
    for (const client of crowded) client.socket.resetAndDestroy();
    await eventually(() => expect(reader.newest(scene.dataId)).toEqual([]));
    expect((reader.pushes.find((push) => push.values.length < CLIENTS)?.atMs ?? 0) - sinceMs).toBeGreaterThan(2_000);
  });
});
