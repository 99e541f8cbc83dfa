/** The engine's ports as the machines use them. */
import type { Engine } from './engine.js';
import type { PortHolder } from './machines/index.js';

export function portHolderOf(engine: Engine): PortHolder {
  const configOf = (port: string) => engine.config.ports.find((each) => each.port === port);
  return {
    holdPort: (port, held) => engine.holdPort(port, held),
    announcePort: (port) => void engine.announcePort(port),
    reopenPort: (port) => engine.reopenPort(port),
    hasPort: (port) => configOf(port) !== undefined,
    async countsOf(port) {
      const config = configOf(port);
      const id = config && engine.portNumber(config.network, port);
      if (id === undefined) return { held: 0, lost: 0 };
      const { ports } = await engine.snapshot();
      const { held, drops } = ports.find((each) => each.id === id) ?? { held: 0, drops: 0 };
      return { held, lost: drops };
    },
  };
}
