import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readInstanceInfo, type Tree } from '../../adapters/eureka/codec/instance-info.ts';
import { createDeflate } from '../../adapters/eureka/deflate.ts';
import { CONTINUED_DEFLATE } from '../../adapters/eureka/documents/deflated.ts';
import { RegistryView, viewInstance } from '../../adapters/eureka/registry-view.ts';
import { dataInfoIdOf } from '../../adapters/eureka/translate.ts';
import type { Bench, Figure } from '../support/figures.ts';
import { cpuMs } from '../support/process-meter.ts';
import { estateInstance } from './estate.ts';

const INSTANCES = 10_000;
const CHANGES = 100;
const RETENTION_MS = 180_000;
/** Entries of a delta: ten changes a second within its retention. */
const DELTA_ENTRIES = 1_800;

const compressWhole = promisify(gzip);

/** Without sockets: what one change costs until the compressed document of the new state is there, beside compressing all of it again. */
export const encoding: Bench = {
  name: 'encoding',
  about: `one instance of ${INSTANCES} changes: the compressed document of the new state`,
  run: async ({ scaled }) => {
    const count = scaled(INSTANCES);
    const view = new RegistryView(RETENTION_MS);
    const put = (index: number, dirty: number, nowMs: number) => {
      const tree = (JSON.parse(estateInstance(index).body(dirty)) as { readonly instance: Tree }).instance;
      const info = readInstanceInfo(tree, dirty);
      view.put(viewInstance(info, dataInfoIdOf(info), false, 0), nowMs, dirty);
    };
    for (let index = 0; index < count; index += 1) put(index, 1, 0);
    const entries = Math.min(count, scaled(DELTA_ENTRIES));
    // Later than the retention of what was loaded, so that the delta holds only these.
    let nowMs = RETENTION_MS + 1;
    for (let index = 0; index < entries; index += 1) put((index * 37) % count, 2, nowMs);
    const changed = (read: () => Promise<unknown>) =>
      perRun(CHANGES, async (run) => {
        nowMs += 1;
        put((run * 53) % count, 100 + run, nowMs);
        await read();
      });
    const deflate = createDeflate({ soon: setImmediate });
    const level = CONTINUED_DEFLATE.level;
    const figures: Figure[] = [];
    for (const [name, document] of [
      ['full fetch', () => view.full('json')],
      ['delta', () => view.delta('json', nowMs)],
    ] as const) {
      await document().gzip(deflate);
      const chunks = await changed(() => document().gzip(deflate));
      const whole = await changed(() => compressWhole(document().body, { level }));
      const joined = Buffer.concat(await document().gzip(deflate));
      const single = await compressWhole(document().body, { level });
      figures.push(
        {
          name: `${name}, processor time per change`,
          value: chunks,
          unit: 'ms',
          beside: { name: 'ms, all compressed again', value: whole },
        },
        { name: `${name}, size`, value: joined.length, unit: 'bytes', beside: { name: 'bytes, in one piece', value: single.length } },
      );
    }
    return figures;
  },
};

async function perRun(runs: number, run: (index: number) => Promise<void>): Promise<number> {
  for (let index = 0; index < runs / 5; index += 1) await run(runs + index);
  const before = cpuMs(process.pid);
  for (let index = 0; index < runs; index += 1) await run(index);
  return (cpuMs(process.pid) - before) / runs;
}
