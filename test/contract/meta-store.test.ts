import { openEmbeddedStore } from '../../core/host/embedded-store.ts';
import { createNodeClock } from '../../core/index.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { metaStoreContract } from '../support/meta-store-contract.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { SILENT_LOG } from '../support/standalone.ts';

metaStoreContract('MemoryStore', async () => {
  const store = new MemoryStore();
  return { store, dispose: () => store.close() };
});

metaStoreContract('the embedded store', async () => {
  const folder = scratchFolder();
  const store = await openEmbeddedStore({ folder: folder.path, clock: createNodeClock(), log: SILENT_LOG });
  const dispose = async () => {
    await store.close();
    folder.remove();
  };
  return { store, dispose };
});
