import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../deploy/config-schema.ts';

describe('the schema of the configuration', () => {
  it('is a schema by JSON Schema, which a start does not check', () => {
    const ajv = new Ajv({ strict: true });
    expect([ajv.validateSchema(configSchema), ajv.errors]).toEqual([true, null]);
  });
});
