/**
 * A process that opens the embedded store and does what it is told, one JSON line an event on standard output:
 *
 *     opened | refused(code, message) | committed(key, revision) | condition(state, reason) | value(bytes, revision) | error(code, message)
 *
 * `store-writer.ts stream <folder> <prefix>`: commits `<prefix>0`, `<prefix>1`, ... until it is killed, each acknowledged commit a line.
 * `store-writer.ts obey <folder>`: reads commands from standard input: `put <key> <bytes>`, `get <key>`, `condition`, `close`.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openEmbeddedStore } from '../../core/host/embedded-store.ts';
import { createNodeClock } from '../../core/host/node-clock.ts';
import { type MetaStore, RegistryError } from '../../core/index.ts';
import { SILENT_LOG } from './standalone.ts';
import { VALUE_REPEATS } from './store-process.ts';

const [mode, folder = '', prefix = ''] = process.argv.slice(2);

/** Handed to the operating system before it returns, so that a kill does not lose what was said. */
function say(event: Readonly<Record<string, unknown>>): void {
  writeSync(1, `${JSON.stringify(event)}\n`);
}

try {
  const store = await openEmbeddedStore({ folder, clock: createNodeClock(), log: SILENT_LOG });
  say({ kind: 'opened' });
  await (mode === 'stream' ? stream(store) : obey(store));
} catch (caught) {
  const { code, message } = RegistryError.from(caught);
  say({ kind: 'refused', code, message });
}

async function stream(store: MetaStore): Promise<never> {
  for (let count = 0; ; count += 1) {
    const key = `${prefix}${count}`;
    // Two keys in one commit: neither may ever be there without the other.
    const value = Buffer.from(key.repeat(VALUE_REPEATS));
    const result = await store.commit([
      { kind: 'put', key, value, expectedRevision: 0 },
      { kind: 'put', key: `twin/${key}`, value },
    ]);
    if (!result.committed) throw new Error(`${key} was there already`);
    say({ kind: 'committed', key, revision: result.revision });
  }
}

async function obey(store: MetaStore): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, key = '', size = ''] = line.split(' ');
    try {
      if (command === 'put') {
        const result = await store.commit([{ kind: 'put', key, value: Buffer.alloc(Number(size), key) }]);
        say({ kind: 'committed', key, revision: result.committed ? result.revision : -1 });
      } else if (command === 'get') {
        const stored = await store.get(key);
        say({ kind: 'value', bytes: stored?.value.length ?? -1, revision: stored?.revision ?? 0 });
      } else if (command === 'condition') {
        say({ kind: 'condition', ...store.condition() });
      } else if (command === 'close') {
        await store.close();
        return;
      }
    } catch (caught) {
      const { code, message } = RegistryError.from(caught);
      say({ kind: 'error', code, message });
    }
  }
}
