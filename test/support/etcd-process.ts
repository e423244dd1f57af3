import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { EtcdGateway } from '../../core/host/etcd/etcd-gateway.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { scratchFolder } from './scratch-folder.ts';

interface EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  readonly args: readonly string[];
  process: ChildProcess | undefined;
}

export interface EtcdOptions {
  readonly members?: number;
  readonly quotaBytes?: number;
}

/** A real etcd of one or several members, on free ports, with its data in a folder that goes away with it. */
export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #folder = scratchFolder();

  private constructor(members: number, ports: readonly number[], quotaBytes: number | undefined) {
    const names = Array.from({ length: members }, (_, at) => `e${at}`);
    const peerOf = (at: number) => `http://127.0.0.1:${ports[2 * at + 1]}`;
    const cluster = names.map((name, at) => `${name}=${peerOf(at)}`).join(',');
    this.members = names.map((name, at) => {
      const endpoint = `http://127.0.0.1:${ports[2 * at]}`;
      const urls = ['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint];
      const peers = ['--listen-peer-urls', peerOf(at), '--initial-advertise-peer-urls', peerOf(at), '--initial-cluster', cluster];
      const quota = quotaBytes === undefined ? [] : ['--quota-backend-bytes', String(quotaBytes)];
      // No sync to the disk: the machine does not fail here, and several tests share it.
      const args = ['--name', name, '--data-dir', join(this.#folder.path, name), '--unsafe-no-fsync', ...urls, ...peers, ...quota];
      return { name, endpoint, args, process: undefined };
    });
  }

  static async start({ members = 1, quotaBytes }: EtcdOptions = {}): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(members, await freePorts(2 * members), quotaBytes);
    for (const member of cluster.members) cluster.run(member);
    await cluster.ready();
    return cluster;
  }

  get endpoints(): readonly string[] {
    return this.members.map((member) => member.endpoint);
  }

  run(member: EtcdMember): void {
    member.process = spawn('etcd', supported(member.args), { stdio: 'ignore' });
  }

  /** Resolves when every running member answers a read of the whole cluster. */
  async ready(): Promise<void> {
    for (const member of this.members.filter(({ process }) => process !== undefined)) {
      const gateway = new EtcdGateway({ endpoints: [member.endpoint] });
      await eventually(() => gateway.ask('kv/range', { key: 'YQ==' }), 20_000);
      gateway.close();
    }
  }

  /** The member that leads etcd itself. */
  async leader(): Promise<EtcdMember> {
    const gateway = new EtcdGateway({ endpoints: this.endpoints });
    for (const member of this.members) {
      type Status = { readonly header: { readonly member_id: string }; readonly leader: string };
      const status = await gateway.askMember<Status>(member.endpoint, 'maintenance/status', {}, 2_000);
      if (status.header.member_id !== status.leader) continue;
      gateway.close();
      return member;
    }
    throw new Error('etcd has no leader');
  }

  async kill(member: EtcdMember): Promise<void> {
    const { process } = member;
    member.process = undefined;
    if (process === undefined) return;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await ended;
  }

  async dispose(): Promise<void> {
    for (const member of this.members) await this.kill(member);
    this.#folder.remove();
  }
}

/** `--unsafe-no-fsync` is of etcd 3.5; an older one syncs. */
function supported(args: readonly string[]): readonly string[] {
  knowsNoFsync ??= spawnSync('etcd', ['--help'], { encoding: 'utf8' }).stdout.includes('unsafe-no-fsync');
  return knowsNoFsync ? args : args.filter((arg) => arg !== '--unsafe-no-fsync');
}
let knowsNoFsync: boolean | undefined;
