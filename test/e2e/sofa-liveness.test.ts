import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoltConnection, type BoltOptions } from '../support/bolt-connection.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';

const CLIENTS = 20;

/** When a client counts as gone, and what its end shows to others. */
describe('liveness of bolt clients', () => {
  const open: BoltConnection[] = [];
  let gateway: GatewayProcess;
  let dataId = '';

  beforeEach(() => {
    dataId = `com.example.${randomUUID()}`;
  });
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
    await gateway.stop();
  });

  async function connect(options: BoltOptions = {}): Promise<BoltConnection> {
    const client = await BoltConnection.open(gateway.sofaPort, options);
    open.push(client);
    return client;
  }

  const register = (registId: string) => ({ dataId, registId, version: 1n });
  const ids = Array.from({ length: CLIENTS }, (_, i) => `p${i}`);
  const values = ids.map((id) => `value of ${id}`).sort();

  /** That many clients, each with a publisher of its own, and a reader that sees all of them. */
  async function crowd(): Promise<{ readonly reader: BoltConnection; readonly crowded: readonly BoltConnection[] }> {
    const reader = await connect();
    const crowded: BoltConnection[] = [];
    for (const id of ids) {
      const client = await connect();
      await client.publish(register(id), [`value of ${id}`]);
      crowded.push(client);
    }
    await reader.subscribe(register('s'));
    await eventually(() => expect(reader.newest(dataId)).toEqual(values));
    return { reader, crowded };
  }

  it('who is silent for the idle time is closed and withdrawn; heartbeats keep a connection, pushes to it do not', async () => {
    gateway = await GatewayProcess.start({ args: ['--sofa.idle-timeout-ms', '1500'] });
    const [silent, alive] = [await connect({ answersPushes: false }), await connect()];
    await silent.publish(register('silent'), ['silent']);
    await silent.subscribe(register('s'));
    await alive.subscribe(register('s'));
    await eventually(() => expect(alive.newest(dataId)).toEqual(['silent']));
    const heartbeats = setInterval(() => void alive.heartbeat().catch(() => undefined), 300);
    let version = 1n;
    const changes = setInterval(() => {
      version += 1n;
      void alive.publish({ ...register('p'), version }, [`v${version}`]).catch(() => undefined);
    }, 200);
    await silent.closed;
    clearInterval(changes);
    await eventually(() => expect(alive.newest(dataId)).toEqual([`v${version}`]));
    expect(silent.requests.length).toBeGreaterThan(0);
    expect(alive.socket.destroyed).toBe(false);
    clearInterval(heartbeats);
  });

  it('one client that breaks is withdrawn at once, and so is one that says goodbye', async () => {
    gateway = await GatewayProcess.start();
    const { reader, crowded } = await crowd();
    crowded[0]?.socket.resetAndDestroy();
    await eventually(() => expect(reader.newest(dataId)).toEqual(values.filter((value) => value !== 'value of p0')), 1_000);
    crowded[1]?.socket.end();
    await eventually(() => expect(reader.newest(dataId)).toHaveLength(CLIENTS - 2), 1_000);
  });

  it('many that break together are not missed when they come back', async () => {
    gateway = await GatewayProcess.start();
    const { reader, crowded } = await crowd();
    for (const client of crowded) client.socket.resetAndDestroy();
    // A client needs its time: longer than a single break is held for.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const again = await connect();
    for (const id of ids) await again.publish(register(id), [`value of ${id}`]);
    await again.publish(register('one more'), ['one more']);
    await eventually(() => expect(reader.newest(dataId)).toEqual(['one more', ...values]));
    expect(reader.pushes.map((push) => push.values.length).filter((size) => size < CLIENTS)).toEqual([]);
  });

  it('many that break together and stay away are withdrawn after a grace, all of them', async () => {
    gateway = await GatewayProcess.start();
    const { reader, crowded } = await crowd();
    const sinceMs = performance.now();
    for (const client of crowded) client.socket.resetAndDestroy();
    await eventually(() => expect(reader.newest(dataId)).toEqual([]));
    expect((reader.pushes.find((push) => push.values.length < CLIENTS)?.atMs ?? 0) - sinceMs).toBeGreaterThan(2_000);
  });
});
