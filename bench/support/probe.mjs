// Loaded into a measured process before its program: answers questions about its memory and records profiles of a part of its life.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { writeHeapSnapshot } from 'node:v8';

const session = new Session();
session.connect();

const answers = {
  /** Bytes that live after a full collection, in the heap and beside it. */
  memory: () => {
    for (let round = 0; round < 3; round += 1) globalThis.gc?.();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return { rss, heapUsed, external, arrayBuffers };
  },
  startProfile: async () => {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
  },
  stopProfile: async ({ file }) => {
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(profile));
  },
  heapSnapshot: ({ file }) => writeHeapSnapshot(file),
};

process.on('message', async ({ id, question, ...parameters }) => {
  // The program's own messages have no question.
  if (question === undefined) return;
  try {
    process.send?.({ id, value: await answers[question](parameters) });
  } catch (caught) {
    process.send?.({ id, error: String(caught) });
  }
});
// The program decides when it ends.
process.channel?.unref();
