import { rangeOf, type SchemaNode } from './config-schema.ts';
import type { Findings, Tree } from './config-sources.ts';
import { ADDRESS_FORMATS } from './node-network.ts';

/**
 * Checks each setting of `group` by itself (why without a library: decision 26). What is wrong is told, what there is not is removed, and
 * in `tree` everything is allowed afterwards: defaults stand for what is wrong or missing, groups that nobody mentioned among them.
 *
 * @param prefix path of the group with a dot at its end, empty for the whole.
 */
export function checkSettings(group: SchemaNode, tree: Tree, findings: Findings, prefix = ''): void {
  const { properties = {} } = group;
  for (const name of Object.keys(tree).filter((each) => !Object.hasOwn(properties, each))) {
    const hint = name.includes('.') ? '; in a file each group is an object of its own' : '';
    findings.add(`${prefix}${name}: there is no such setting${hint}`, `${prefix}${name}`);
    delete tree[name];
  }
  for (const [name, node] of Object.entries(properties)) {
    const path = `${prefix}${name}`;
    if (tree[name] === undefined) tree[name] = defaultOf(node);
    if (!isAllowed(node, tree[name])) {
      findings.add(`${path}: ${JSON.stringify(tree[name])} is not allowed; allowed: ${allowed(node, tree[name])}`, path);
      tree[name] = defaultOf(node);
    }
    if (node.properties !== undefined) checkSettings(node, tree[name] as Tree, findings, `${path}.`);
  }
}

function defaultOf(node: SchemaNode): unknown {
  return node.properties === undefined ? node.default : {};
}

function allowed(node: SchemaNode, value: unknown): string {
  if (node.properties !== undefined) return 'a group of settings';
  return node.type === 'integer' && !Number.isInteger(value) ? `${rangeOf(node)}, whole numbers` : rangeOf(node);
}

function isAllowed(node: SchemaNode, value: unknown): boolean {
  if (node.enum?.includes(value) === false) return false;
  switch (node.type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'string':
      return typeof value === 'string' && isText(node, value);
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return typeof value === 'number' && isNumber(node, value);
  }
}

function isText({ minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern = '', format }: SchemaNode, value: string): boolean {
  const { length } = [...value];
  if (length < minLength || length > maxLength || !new RegExp(pattern, 'u').test(value)) return false;
  return format === undefined || ADDRESS_FORMATS[format](value);
}

function isNumber({ type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }: SchemaNode, value: number): boolean {
  return value >= minimum && value <= maximum && (type === 'number' || Number.isInteger(value));
}
