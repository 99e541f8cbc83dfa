/** One daemon as the Proxy drives it: `HostSession` over the control channel, and the daemon's answers to it. */
import {
  type EchoRequest,
  type EchoResult,
  type HostConfig,
  type HostDelta,
  type HostSession,
  type LocalView,
  type ReachRequest,
  type ReachResult,
  type SightParameters,
  VnetError,
} from '../core/index.js';
import type { ChannelPeer } from './channel/index.js';
import { answerVmCall, remoteVms, VM_CALL_PREFIX } from './machines/index.js';

/** The Proxy's end. `configure` tells the daemon its Proxy's name too. */
export function remoteSession(host: string, proxyName: string, peer: ChannelPeer): HostSession {
  return {
    host,
    configure: (config) => peer.call('configure', [config, proxyName]),
    apply: (delta) => peer.call('apply', [delta]),
    view: () => peer.call<LocalView>('view', []),
    sight: (parameters) => peer.call('sight', [parameters]),
    echo: (request) => peer.call<EchoResult>('echo', [request]),
    reach: (request) => peer.call<ReachResult[]>('reach', [request]),
    vms: remoteVms(peer),
    close: () => peer.close('closed by the Proxy'),
  };
}

/** The daemon's end: carries a call out on its own session. */
export async function answerHostCall(session: HostSession, name: string, args: unknown[]): Promise<unknown> {
  if (name.startsWith(VM_CALL_PREFIX))
    return answerVmCall(session.vms, name.slice(VM_CALL_PREFIX.length), args);
  switch (name as keyof HostSession) {
    case 'configure':
      return session.configure(args[0] as HostConfig);
    case 'apply':
      return session.apply(args[0] as HostDelta);
    case 'view':
      return session.view();
    case 'sight':
      return session.sight(args[0] as SightParameters);
    case 'echo':
      return session.echo(args[0] as EchoRequest);
    case 'reach':
      return session.reach(args[0] as ReachRequest);
    default:
      throw new VnetError('VNET_ERR_INVALID', `no such call: ${name}`);
  }
}
