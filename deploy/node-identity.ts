import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NodeId, type Random, RegistryError, RegistryErrorCode } from '../core/index.ts';

/**
 * The node's stable id, kept in the data folder and made at the first start.
 *
 * @throws RegistryError `unavailable` when the folder cannot be written.
 */
export function readNodeId(dataDir: string, random: Random): NodeId {
  const path = join(dataDir, 'node-id');
  try {
    mkdirSync(dataDir, { recursive: true });
    const known = readIfThere(path)?.trim();
    if (known !== undefined && /^[a-z0-9-]{1,64}$/.test(known)) return known as NodeId;
    const made = `n-${random.uuid().slice(0, 8)}`;
    writeFileSync(path, `${made}\n`);
    return made as NodeId;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RegistryError(RegistryErrorCode.Unavailable, `the data folder ${dataDir} cannot be written: ${reason}`, { cause });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (caught) {
    if (caught instanceof Error && 'code' in caught && caught.code === 'ENOENT') return undefined;
    throw caught;
  }
}
