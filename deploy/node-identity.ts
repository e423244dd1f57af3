import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NodeId, type Random, RegistryError, RegistryErrorCode } from '../core/index.ts';
import { makeFolder, readIfThere } from './data-folder.ts';

/**
 * The node's stable id, kept in the data folder and made at the first start.
 *
 * @throws RegistryError `unavailable` when the folder cannot be written, or holds what is no id: another one made in its place would make the
 * node a stranger to its own records.
 */
export function readNodeId(dataDir: string, random: Random): NodeId {
  const path = join(dataDir, 'node-id');
  try {
    makeFolder(dataDir);
    const known = readIfThere(path)?.trim();
    if (known !== undefined && known !== '') return checked(known, path);
    const made = `n-${random.uuid().slice(0, 8)}`;
    writeFileSync(path, `${made}\n`);
    return made as NodeId;
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RegistryError(RegistryErrorCode.Unavailable, `the data folder ${dataDir} cannot be written: ${reason}`, { cause });
  }
}

function checked(id: string, path: string): NodeId {
  if (/^[a-z0-9-]{1,64}$/.test(id)) return id as NodeId;
  const reason = `${path} holds ${JSON.stringify(id.slice(0, 64))}, which is no node id; allowed: 1 to 64 of a to z, 0 to 9 and -`;
  throw new RegistryError(RegistryErrorCode.Unavailable, reason);
}
