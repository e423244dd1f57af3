import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ClientDriver } from './client-driver.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/conformance', import.meta.url));

/**
 * Builds a Maven module that holds real clients, once per content of its pom and sources, and returns how to start it.
 * The virtual machine is kept small: several of them share a test machine.
 */
export async function buildMavenDriver(module: string, jvmArguments: readonly string[] = []): Promise<() => ClientDriver> {
  const files = ['pom.xml', ...readdirSync(join(module, 'src'), { recursive: true, encoding: 'utf8' }).map((file) => join('src', file))];
  const hash = createHash('sha256');
  for (const file of files.filter((name) => /\.(xml|java|properties)$/.test(name)).sort()) {
    hash.update(file).update(readFileSync(join(module, file)));
  }
  const name = module.split('/').filter(Boolean).at(-1) ?? 'module';
  const built = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(built)) {
    const building = `${built}.building`;
    rmSync(building, { recursive: true, force: true });
    const goals = ['package', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${building}/lib`];
    await promisify(execFile)('mvn', ['-q', '-B', '-f', join(module, 'pom.xml'), `-DbuildDirectory=${building}`, ...goals], {
      maxBuffer: 16 * 1024 * 1024,
    });
    renameSync(building, built);
  }
  const jvm = ['-Xmx160m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', ...jvmArguments];
  return () => new ClientDriver('java', [...jvm, '-cp', `${built}/classes:${built}/lib/*`, 'driver.Driver']);
}
