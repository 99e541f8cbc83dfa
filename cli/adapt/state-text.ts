/** How adaptation is: mode, state, what it owns. */
import { type AdaptView, VnetError } from '../../core/index.js';
import type { Run } from '../run.js';
import { countedAdapted } from './action-text.js';

/** `Adaptation  auto  nothing better by 10%; owns 3 links, 4 routes`. */
export function stateLine(run: Run, { settings, state, adapted }: AdaptView): string {
  const { strong, faint, good } = run.paint;
  const mode = settings.mode === 'auto' ? good(settings.mode) : settings.mode;
  const said = state === settings.mode ? '' : `${state}; `;
  return `${strong('Adaptation')}  ${mode}  ${faint(`${said}owns ${countedAdapted(adapted)}`)}`;
}

/** Undefined where the Proxy is of a version that does not adapt. */
export async function adaptationIfAny(run: Run): Promise<AdaptView | undefined> {
  try {
    return await run.client.adaptation(0);
  } catch (thrown) {
    if (!WITHOUT.has(VnetError.from(thrown).code)) throw thrown;
    return undefined;
  }
}
const WITHOUT = new Set(['VNET_ERR_NOT_FOUND', 'VNET_ERR_UNSUPPORTED']);
