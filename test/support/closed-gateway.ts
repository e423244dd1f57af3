import { randomBytes, scryptSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConformanceGateway, startConformanceGateway } from './conformance-gateway.ts';
import { EurekaOperator } from './eureka-operator.ts';
import { scratchFolder } from './scratch-folder.ts';

/** A gateway that asks Eureka clients for a password. */
export interface ClosedGateway {
  readonly gateway: ConformanceGateway;
  readonly operator: EurekaOperator;
  readonly password: string;
  /** What a client is configured with. */
  urlWith(password: string): string;
  stop(): Promise<void>;
}

const USER = 'team';
const PASSWORD = 'Right-pass_word.1~';
const COST = { N: 1_024, r: 8, p: 1 };

export async function startClosedGateway(): Promise<ClosedGateway> {
  const folder = scratchFolder();
  const file = join(folder.path, 'credentials');
  const salt = randomBytes(16);
  const hash = scryptSync(PASSWORD, salt, 32, COST);
  const secret = ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), hash.toString('base64')].join('$');
  writeFileSync(file, `${USER}:${secret}\n`, { mode: 0o600 });
  const gateway = await startConformanceGateway({ args: ['--eureka.credentials-file', file] });
  return {
    gateway,
    operator: new EurekaOperator(gateway.eurekaPort, `${USER}:${PASSWORD}`),
    password: PASSWORD,
    urlWith: (password) => gateway.url.replace('http://', `http://${USER}:${password}@`),
    stop: async () => {
      await gateway.stop();
      folder.remove();
    },
  };
}
