/** A daemon that cannot reserve CPU, and says so to whoever asks. */
import { type CpuConfig, VnetError } from '../../core/index.js';
import type { CpuMeans } from './means.js';

export class NoMeans implements CpuMeans {
  readonly name = 'none';
  readonly byThread = false;

  constructor(
    private readonly reason: string,
    private readonly hint: string,
    private readonly earlier?: Pick<CpuMeans, 'clear'>,
  ) {}

  async hold({ vm }: CpuConfig): Promise<void> {
    throw new VnetError('VNET_ERR_UNSUPPORTED', `no CPU can be reserved for VM ${vm} here: ${this.reason}`, {
      hint: this.hint,
    });
  }

  async release(): Promise<void> {}

  async clear(): Promise<void> {
    await this.earlier?.clear();
  }

  groupOf(): undefined {
    return undefined;
  }
}
