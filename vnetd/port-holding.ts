/** The engine's ports as the machines use them. */
import type { Engine } from './engine.js';
import type { PortHolder } from './machines/index.js';

export function portHolderOf(engine: Engine): PortHolder {
  const configOf = (port: string) => engine.config.ports.find((each) => each.port === port);
  return {
    holdPort: (port, held) => engine.holdPort(port, held),
    keepSent: (port, kept) => engine.keepSent(port, kept),
    recallPort: (port, agoMs) => engine.recallPort(port, agoMs),
    announcePort: (port) => void engine.announcePort(port),
    reopenPort: (port) => engine.reopenPort(port),
    hasPort: (port) => configOf(port) !== undefined,
    async countsOf(port) {
      const config = configOf(port);
      const id = config && engine.portNumber(config.network, port);
      if (id === undefined) return { held: 0, lost: 0 };
      const { ports } = await engine.snapshot();
      const found = ports.find((each) => each.id === id);
      return { held: found?.held ?? 0, lost: (found?.drops ?? 0) + (found?.doubtful ?? 0) };
    },
  };
}
