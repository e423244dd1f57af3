#!/usr/bin/env node
import { resolve } from 'node:path';
import { createLog, type Log, RegistryError } from '../core/index.ts';
import { Announcement, HeldLines, type OutputForm } from './announcement.ts';
import { ConfigError, loadConfig } from './config.ts';
import type { Config } from './config-schema.ts';
import { createAdapters, type Gateway, startGateway } from './gateway.ts';
import { helpText } from './help.ts';
import { listenerTable, listListeners } from './ports.ts';
import { readVersion } from './version.ts';

const EXIT = { ok: 0, failed: 1, wrongConfig: 2, internal: 70 } as const;
/** A stop that takes longer than this is cut short. */
const STOP_MOST_MS = 9_000;
/** A start that takes longer shows its log lines, so that one sees what it waits for. */
const SLOW_START_MS = 3_000;

const startedAtMs = performance.now();
process.exit(await run(process.argv.slice(2)));

async function run(argv: readonly string[]): Promise<number> {
  const version = readVersion();
  try {
    const { config, command } = loadConfig(argv, process.env);
    switch (command.kind) {
      case 'help':
        process.stdout.write(helpText(version));
        return EXIT.ok;
      case 'version':
        process.stdout.write(`${version}\n`);
        return EXIT.ok;
      case 'check-config':
        process.stdout.write('the configuration is right\n');
        return EXIT.ok;
      case 'print-ports':
        process.stdout.write(`${listenerTable(listListeners(config, createAdapters(config, version)))}\n`);
        return EXIT.ok;
      case 'run':
        return await serve(config, version);
    }
  } catch (caught) {
    if (!(caught instanceof ConfigError)) throw caught;
    process.stderr.write(`${caught.message}\n`);
    return EXIT.wrongConfig;
  }
}

async function serve(config: Config, version: string): Promise<number> {
  const form = outputForm(config);
  const write = (text: string) => void process.stdout.write(text);
  const lines = new HeldLines(form !== 'json' && config.log.level !== 'debug', write);
  const log = createLog({ level: config.log.level, form, write: (line) => lines.write(line), now: () => new Date() });
  failLoudly(log, lines);
  const announcement = new Announcement(form, log, write);
  announcement.starting({ version, dataDir: resolve(config.dataDir) });
  // Before anything opens: a signal during the start stops the gateway as soon as it is up.
  const signalled = firstSignal();
  const slow = setTimeout(() => lines.release(), SLOW_START_MS);
  let gateway: Gateway;
  try {
    gateway = await startGateway(config, version, log);
  } catch (caught) {
    lines.release();
    process.stderr.write(`${RegistryError.from(caught).sentence}\n`);
    return EXIT.failed;
  }
  announcement.ready(listListeners(config, gateway.adapters), Math.round(performance.now() - startedAtMs));
  clearTimeout(slow);
  lines.release();
  const signal = await signalled;
  log.info('stopping', { signal });
  return stop(gateway, log);
}

function outputForm(config: Config): OutputForm {
  const isTerminal = process.stdout.isTTY === true;
  if (config.log.format === 'json' || (config.log.format === 'auto' && !isTerminal)) return 'json';
  return isTerminal && (process.env['NO_COLOR'] ?? '') === '' ? 'colour' : 'text';
}

/** The first signal stops in order, a second one at once. */
function firstSignal(): Promise<string> {
  return new Promise((resolveSignal) => {
    let isSignalled = false;
    const onSignal = (signal: string) => {
      if (isSignalled) process.exit(EXIT.failed);
      isSignalled = true;
      resolveSignal(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function stop(gateway: Gateway, log: Log): Promise<number> {
  const late = setTimeout(() => {
    log.error('stopping took too long and was cut short');
    process.exit(EXIT.failed);
  }, STOP_MOST_MS);
  try {
    await gateway.stop();
    log.info('stopped');
    return EXIT.ok;
  } catch (caught) {
    log.error('stopping failed', { reason: RegistryError.from(caught).message });
    return EXIT.internal;
  } finally {
    clearTimeout(late);
  }
}

/** Never a process that listens and does nothing: what nobody caught ends it with one line. */
function failLoudly(log: Log, lines: HeldLines): void {
  const fail = (caught: unknown) => {
    const cause = caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
    lines.release();
    log.error('internal error', { cause });
    process.exit(EXIT.internal);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}
