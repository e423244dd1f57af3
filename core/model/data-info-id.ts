import { RegistryError, RegistryErrorCode } from './errors.ts';
import { LIMITS } from './limits.ts';

/** `dataId#@#instanceId#@#group`, as its protocol spells it: the unit of versioning and pushing (SOFARegistry's key). */
export type DataInfoId = string & { readonly __brand: 'DataInfoId' };

/**
 * A DataInfoId with its case folded. All spellings of one public name share it, so they live in one slot, and interest,
 * notices and reads are addressed by it.
 */
export type FoldedId = string & { readonly __brand: 'FoldedId' };

export interface DataInfoIdParts {
  readonly dataId: string;
  /** The namespace. Public is `DEFAULT_INSTANCE_ID`. */
  readonly instanceId: string;
  readonly group: string;
}

export const DATA_INFO_ID_DELIMITER = '#@#';
export const DEFAULT_INSTANCE_ID = 'DEFAULT_INSTANCE_ID';
export const DEFAULT_GROUP = 'DEFAULT_GROUP';

/**
 * Joins the parts. The dataId may contain the delimiter (a real SOFARegistry accepts that), the other two may not,
 * so that the last two delimiters always separate.
 *
 * @throws RegistryError `invalid-argument` for an empty part or a delimiter in the wrong part, `limit-exceeded` beyond `LIMITS.dataInfoIdLength`.
 */
export function formatDataInfoId(parts: DataInfoIdParts): DataInfoId {
  const { dataId, instanceId, group } = parts;
  if (dataId === '' || instanceId === '' || group === '') {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, 'dataId, instanceId and group must not be empty');
  }
  if (instanceId.includes(DATA_INFO_ID_DELIMITER) || group.includes(DATA_INFO_ID_DELIMITER)) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `instanceId and group must not contain ${DATA_INFO_ID_DELIMITER}`);
  }
  if (instanceId.startsWith(DELIMITER_REST) || group.startsWith(DELIMITER_REST)) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `instanceId and group must not begin with ${DELIMITER_REST}`);
  }
  const text = `${dataId}${DATA_INFO_ID_DELIMITER}${instanceId}${DATA_INFO_ID_DELIMITER}${group}`;
  if (text.length > LIMITS.dataInfoIdLength) {
    throw new RegistryError(
      RegistryErrorCode.LimitExceeded,
      `a DataInfoId has at most ${LIMITS.dataInfoIdLength} characters, this one has ${text.length}`,
    );
  }
  return text as DataInfoId;
}

/** A part that begins with the end of the delimiter would be split one character too late. */
const DELIMITER_REST = DATA_INFO_ID_DELIMITER.slice(1);

/** Splits at the last two delimiters. @throws RegistryError `invalid-argument` when there are fewer than two or a part is empty. */
export function parseDataInfoId(text: string): DataInfoIdParts {
  const groupAt = text.lastIndexOf(DATA_INFO_ID_DELIMITER);
  // The two delimiters share no character.
  const before = groupAt - DATA_INFO_ID_DELIMITER.length;
  const instanceAt = before > 0 ? text.lastIndexOf(DATA_INFO_ID_DELIMITER, before) : -1;
  const dataId = text.slice(0, Math.max(instanceAt, 0));
  const instanceId = text.slice(instanceAt + DATA_INFO_ID_DELIMITER.length, groupAt);
  const group = text.slice(groupAt + DATA_INFO_ID_DELIMITER.length);
  if (instanceAt <= 0 || instanceId === '' || group === '') {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `not a DataInfoId: ${text.slice(0, 100)}`);
  }
  return { dataId, instanceId, group };
}

/**
 * Folds the case. Upper case first, so that letters with two lower forms meet (sharp s, dotless i); the locale never matters.
 */
export function foldDataInfoId(id: DataInfoId): FoldedId {
  return foldText(id) as FoldedId;
}

/** Case folding of any name, the same one as `foldDataInfoId` uses. */
export function foldText(text: string): string {
  return text.toUpperCase().toLowerCase();
}
