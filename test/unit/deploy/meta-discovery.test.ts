import { beforeEach, describe, expect, it } from 'vitest';
import { type Log, type NodeId, type ProcessId, RegistryError, RegistryErrorCode, Role } from '../../../core/index.ts';
import { MetaDiscovery, type Surroundings } from '../../../deploy/meta-discovery.ts';
import { eventually } from '../../support/eventually.ts';
import { HandClock } from '../../support/hand-clock.ts';

type Found = Awaited<ReturnType<Surroundings['discover']>>;

let clock: HandClock;
let lines: string[];
/** What is answered at each address; nothing listens at the others. */
let answers: Map<string, Found | RegistryError>;
let asked: number;

beforeEach(() => {
  [clock, lines, answers, asked] = [new HandClock(), [], new Map(), 0];
});

const node = (name: string, ...roles: Role[]) =>
  ({ nodeId: name as NodeId, processId: `${name}#1` as ProcessId, roles, address: '' }) satisfies Found;

function search(...addresses: readonly string[]): MetaDiscovery {
  const discover = async (address: string) => {
    asked += 1;
    const answer = answers.get(address) ?? new RegistryError(RegistryErrorCode.Unavailable, `${address} cannot be reached`);
    if (answer instanceof RegistryError) throw answer;
    return answer;
  };
  const write = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log };
  return new MetaDiscovery({ address: 'self:1', links: () => [], discover }, undefined, addresses, clock, log);
}

/** Until every address was asked again so many times. */
async function askedAgain(addresses: number, times: number): Promise<void> {
  for (let round = 0; round < times; round += 1) {
    const before = asked;
    await eventually(() => expect(clock.waitsMs).toHaveLength(1));
    clock.advance(5_000);
    await eventually(() => expect(asked).toBe(before + addresses));
  }
}

describe('the search for Meta', () => {
  it('says at once why it waits, again after ten seconds, and when the reason is another one', async () => {
    const discovery = search('a:1');
    void discovery.start();
    await askedAgain(1, 1);
    expect(lines).toEqual(['waiting for Meta {"join":"a:1","reason":"a:1 cannot be reached"}']);
    expect(discovery.missing).toEqual([{ address: 'a:1', reason: 'a:1 cannot be reached' }]);
    answers.set('a:1', node('n-1', Role.Data));
    await askedAgain(1, 1);
    await eventually(() => expect(lines).toHaveLength(2));
    expect(lines[1]).toBe('waiting for Meta {"join":"a:1","reason":"node n-1 at a:1 has no Meta role"}');
    await askedAgain(1, 2);
    await eventually(() => expect(lines).toEqual([lines[0], lines[1], lines[1]]));
    discovery.stop();
  });

  it('goes on when one Meta is there, and says once what the others lack', async () => {
    answers.set('a:1', node('n-1', Role.Meta)).set('b:1', node('n-2', Role.Session));
    const discovery = search('a:1', 'b:1');
    await discovery.start();
    expect(discovery.metas).toEqual(['n-1/meta']);
    answers.set('b:1', new RegistryError(RegistryErrorCode.WrongCluster, 'b:1 refuses this node: this is cluster "x", not "y"'));
    await askedAgain(2, 3);
    expect(lines).toEqual([
      expect.stringContaining('node n-2 at b:1 has no Meta role'),
      'a Meta of --join is missing {"address":"b:1","reason":"b:1 refuses this node: this is cluster \\"x\\", not \\"y\\""}',
    ]);
    discovery.stop();
  });

  it('ends with the sentence of a Meta that refuses the node, and when the id of the node stays taken', async () => {
    answers.set('a:1', new RegistryError(RegistryErrorCode.WrongCluster, 'another cluster'));
    await expect(search('a:1').start()).rejects.toThrow('wrong-cluster: another cluster');
    answers.set('a:1', new RegistryError(RegistryErrorCode.Conflict, 'node n-1 is already here'));
    const ended = expect(search('a:1').start()).rejects.toThrow('conflict: node n-1 is already here');
    await askedAgain(1, 3);
    await ended;
  });
});
