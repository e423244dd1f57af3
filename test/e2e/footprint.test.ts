import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { residentBytes } from '../support/process-memory.ts';

const MEGABYTE = 1024 * 1024;
const ROUNDS = 3;
/** 500 ms are so many starts of an empty process on a machine with nothing else to do. */
const EMPTY_STARTS = 8;

/** An empty Node process in the same run, so that a slow machine shows in both numbers. */
async function measureEmpty(): Promise<{ readonly readyMs: number; readonly bytes: number }> {
  const child = spawn(process.execPath, ['-e', 'console.log(performance.now()); setInterval(() => {}, 1000)']);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await eventually(async () => expect(output).toContain('\n'));
  const measured = { readyMs: Number(output), bytes: residentBytes(child.pid ?? -1) };
  child.kill('SIGKILL');
  return measured;
}

async function measureGateway(): Promise<{ readonly readyMs: number; readonly bytes: number }> {
  const gateway = await GatewayProcess.start();
  const readyMs = Number(/ready in (\d+) ms/.exec(gateway.stdout)?.[1]);
  const bytes = residentBytes(gateway.pid);
  await gateway.stop();
  return { readyMs, bytes };
}

it('is ready in under 500 ms and under 90 MB, beside an empty Node process', async () => {
  const empty = [];
  const gateway = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    empty.push(await measureEmpty());
    gateway.push(await measureGateway());
  }
  const least = (runs: readonly { readonly readyMs: number; readonly bytes: number }[]) => ({
    readyMs: Math.round(Math.min(...runs.map((run) => run.readyMs))),
    megabytes: Math.round(Math.min(...runs.map((run) => run.bytes)) / MEGABYTE),
  });
  console.log(`gateway ${JSON.stringify(least(gateway))}, empty process ${JSON.stringify(least(empty))}`);
  // On a machine that has other work, an empty process takes its time as well.
  expect(least(gateway).readyMs).toBeLessThan(Math.max(500, EMPTY_STARTS * least(empty).readyMs));
  expect(least(gateway).megabytes).toBeLessThan(90);
});
