/** For tests: what a crash would have found, before and after each step of the store, and whenever it is told to look. */
import { MemoryStore } from '../core/index.js';
import { FakeHost } from './fake-fleet.js';

export class CrashStore extends MemoryStore {
  readonly states: { found: MemoryStore; hosts: FakeHost[] }[] = [];
  hosts: () => Iterable<FakeHost> = () => [];

  override async write(key: string, value: unknown): Promise<void> {
    this.remember();
    await super.write(key, value);
    this.remember();
  }

  override async append(key: string, value: unknown): Promise<void> {
    this.remember();
    await super.append(key, value);
    this.remember();
  }

  remember(): void {
    const hosts = Array.from(this.hosts(), ({ host, config }) => new FakeHost(host, structuredClone(config)));
    this.states.push({ found: this.copy(), hosts });
  }
}
