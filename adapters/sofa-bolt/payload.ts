import { decodeHessian } from './codec/hessian-reader.ts';
import { HessianWriter } from './codec/hessian-writer.ts';
import type { DataBox } from './codec/message-fields.ts';

/** The format name of SOFA publishers. */
export const SOFA_FORMAT = 'sofa-bolt';

const NO_CLASSES: ReadonlySet<string> = new Set();

/**
 * The payload of a SOFA publisher: its boxes as one Hessian list of texts and nulls, so that a text keeps every UTF-16 unit that the
 * client sent. No list is an empty one.
 */
export function encodeBoxes(boxes: readonly DataBox[] | null): Uint8Array {
  return new HessianWriter([], 64).list(boxes ?? [], (box, writer) => void writer.text(box.data)).finish();
}

/** @throws RegistryError for a payload that is none of ours. */
export function decodeBoxes(payload: Uint8Array): readonly DataBox[] {
  const value = decodeHessian(payload, NO_CLASSES);
  if (!Array.isArray(value)) return [];
  return value.map((data: unknown) => ({ data: typeof data === 'string' ? data : null }));
}
