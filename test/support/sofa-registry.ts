import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { http } from './http.ts';
import { copyMavenDependencies } from './maven-driver.ts';

const MODULE = fileURLToPath(new URL('sofa-registry/', import.meta.url));
const START_MOST_MS = 90_000;
/** The server's own, which other programs of the machine must leave free: it has some fifteen, and not all can be moved. */
const BOLT_PORT = 9_600;
const HTTP_PORT = 9_603;
/** What its Spring and Hessian look into on Java 17. */
const OPENED = ['lang', 'util', 'util.concurrent', 'net', 'math', 'io', 'text', 'lang.reflect'];

/** 5.x brings two logging systems that do not fit together. */
const LOGGING_5 = [
  '-Dorg.apache.commons.logging.LogFactory=org.apache.commons.logging.impl.LogFactoryImpl',
  '-Dorg.apache.commons.logging.Log=org.apache.commons.logging.impl.NoOpLog',
  '-Dorg.springframework.boot.logging.LoggingSystem=none',
];

/** A real SOFARegistry server, all roles in one process. */
export interface SofaRegistryPeer {
  readonly boltPort: number;
  readonly httpPort: number;
  readonly pid: number;
  /** Ends it and starts it again, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the server of this version from Maven Central, with its database in memory. */
export async function sofaRegistryPeer(version: string): Promise<SofaRegistryPeer> {
  for (const port of [BOLT_PORT, HTTP_PORT]) {
    // Somebody else's server would be measured instead.
    const isTaken = await connects(port).then(
      () => true,
      () => false,
    );
    if (isTaken) throw new Error(`port ${port} is taken by another program; a real SOFARegistry needs it`);
  }
  const libraries = await copyMavenDependencies(MODULE, { 'server.version': version });
  // Logs and, in 5.x, Raft's files: everything goes to the home folder.
  const home = mkdtempSync(join(tmpdir(), 'sofa-registry-'));
  const opens = OPENED.map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`);
  const jvm = [
    '-Xms1g',
    '-Xmx1g',
    `-Duser.home=${home}`,
    '-Dspring.profiles.active=dev',
    ...(version.startsWith('5.') ? LOGGING_5 : []),
    ...opens,
    '-cp',
    `${libraries}/*`,
  ];
  const main = 'com.alipay.sofa.registry.server.integration.RegistryApplication';
  let child: ChildProcess;
  let exited: Promise<unknown> = Promise.resolve();
  const start = async () => {
    child = spawn('java', [...jvm, main], { cwd: home, stdio: 'ignore' });
    exited = new Promise((resolve) => child.on('close', resolve));
    await eventually(async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      const { status, text } = await http(HTTP_PORT, { path: '/api/servers/query' });
      if (status !== 200 || !text.includes(`:${BOLT_PORT}`)) throw new Error('not ready');
      // It lists itself a moment before it listens.
      await connects(BOLT_PORT);
    }, START_MOST_MS);
  };
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    boltPort: BOLT_PORT,
    httpPort: HTTP_PORT,
    get pid() {
      return child.pid ?? -1;
    },
    restart: async () => {
      await end();
      await start();
    },
    stop: async () => {
      await end();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function connects(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
