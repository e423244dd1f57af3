import { EurekaRequestError } from './codec/errors.ts';
import { EUREKA_LIMITS } from './limits.ts';

/**
 * Splits a raw path first and decodes each segment afterwards, so that ids may hold any character; empty segments (doubled and
 * trailing slashes) do not count, and `;parameters` are dropped.
 *
 * @throws EurekaRequestError 400 for a segment that cannot be decoded or is too long, or holds NUL, a backslash or `..`.
 */
export function splitPath(rawPath: string): readonly string[] {
  const segments: string[] = [];
  for (const raw of rawPath.split('/')) {
    const bare = raw.split(';')[0] ?? '';
    if (bare !== '') segments.push(decodeSegment(bare));
  }
  return segments;
}

function decodeSegment(raw: string): string {
  if (raw.length > EUREKA_LIMITS.pathSegmentLength * 3) throw new EurekaRequestError(400, 'a path segment is too long');
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch (cause) {
    throw new EurekaRequestError(400, 'the path is not UTF-8 in percent encoding', { cause });
  }
  const isAbsurd =
    decoded.length > EUREKA_LIMITS.pathSegmentLength || decoded === '..' || decoded.includes('\u0000') || decoded.includes('\\');
  if (isAbsurd) throw new EurekaRequestError(400, 'the path is not acceptable');
  return decoded;
}

/** The resource below any accepted base (`/eureka`, `/eureka/v2`, `/v2`, or a configured context path); undefined when none fits. */
export function belowBase(segments: readonly string[], contextPath: readonly string[]): readonly string[] | undefined {
  const start = contextPath.every((segment, index) => segments[index] === segment) ? contextPath.length : 0;
  const rest = segments.slice(start);
  const isVersion = (segment: string | undefined) => segment !== undefined && /^v[12]$/i.test(segment);
  if (rest[0] === 'eureka') return isVersion(rest[1]) ? rest.slice(2) : rest.slice(1);
  return isVersion(rest[0]) ? rest.slice(1) : undefined;
}

/**
 * Makes one segment of an instance id that was written into the path as it is, with its slashes: several clients do so (eureka-js-client,
 * fargo, Netflix), and would otherwise never be renewed. A last segment `status` or `metadata` is the operation on the instance.
 */
export function joinInstanceId(segments: readonly string[]): readonly string[] {
  const [resource = '', ...below] = segments;
  if (resource === 'instances' && below.length > 1) return [resource, below.join('/')];
  if (resource !== 'apps' || below.length < 3) return segments;
  const [app = '', ...rest] = below;
  const isOperation = rest.at(-1) === 'status' || rest.at(-1) === 'metadata';
  const id = rest.slice(0, isOperation ? -1 : undefined).join('/');
  return [resource, app, id, ...(isOperation ? rest.slice(-1) : [])];
}

/** The path that the routes know: each segment encoded once, without base, version, odd slashes or a trailing one. */
export function canonicalPath(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`;
}
