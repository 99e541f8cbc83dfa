import type { Authority, LocalView, OverlayEvent } from '../../core/index.js';

/** What the server serves; the daemon is one. */
export interface ControlBackend {
  authority: Authority;
  local(): Promise<LocalView>;
  /** Undefined: ready; otherwise what is missing. */
  notReady(): string | undefined;
  subscribe(listener: (event: OverlayEvent) => void): () => void;
  shutdown(): void;
}
