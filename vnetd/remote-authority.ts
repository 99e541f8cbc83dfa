/** The Proxy's authority as seen from another daemon: the same calls, over the control channel. */
import {
  type Authority,
  type ChangeProgress,
  type ChangeResult,
  type EchoResult,
  type LocalView,
  type MatrixView,
  type OverlayView,
  type Plan,
  type RouteView,
  type SightParameters,
  type TopologyView,
  type TrafficHistory,
  type UnderlayView,
  VnetError,
} from '../core/index.js';
import type { ChannelPeer, Progress } from './channel/index.js';

/** Calls a daemon may make of the Proxy. */
export const AUTHORITY_CALLS = [
  'overview',
  'plan',
  'apply',
  'route',
  'hostView',
  'setConfigurationTime',
  'inferredTopology',
  'matrix',
  'history',
  'underlay',
  'sight',
  'setSight',
  'echo',
] as const;
type AuthorityCall = (typeof AUTHORITY_CALLS)[number];

export function remoteAuthority(peer: () => ChannelPeer | undefined, state: () => string): Authority {
  const call = <T>(name: AuthorityCall, args: unknown[], progress?: Progress): Promise<T> => {
    const connected = peer();
    if (!connected) {
      return Promise.reject(
        new VnetError('VNET_ERR_UNREACHABLE', `the Proxy is away (${state()}), and it holds the topology`, {
          hint: 'frames go on by what is installed; ask again when the Proxy is back',
        }),
      );
    }
    return connected.call<T>(name, args, progress);
  };
  return {
    overview: () => call<OverlayView>('overview', []),
    plan: (request) => call<Plan>('plan', [request]),
    apply: (request, progress) =>
      call<ChangeResult>('apply', [request], progress && ((body) => progress(body as ChangeProgress))),
    route: (from, to, network) => call<RouteView>('route', [from, to, network]),
    hostView: (host) => call<LocalView>('hostView', [host]),
    setConfigurationTime: (boundMs) => call<void>('setConfigurationTime', [boundMs]),
    inferredTopology: (network) => call<TopologyView>('inferredTopology', [network]),
    matrix: (network) => call<MatrixView>('matrix', [network]),
    history: (after) => call<TrafficHistory>('history', [after]),
    underlay: () => call<UnderlayView>('underlay', []),
    sight: () => call<SightParameters>('sight', []),
    setSight: (parameters) => call<SightParameters>('setSight', [parameters]),
    echo: (from, to, options) => call<EchoResult>('echo', [from, to, options]),
  };
}

/** The Proxy's end: carries a call out on its authority. */
export function answerAuthorityCall(
  authority: Authority,
  name: string,
  args: unknown[],
  progress: Progress,
): Promise<unknown> {
  switch (name as AuthorityCall) {
    case 'overview':
      return authority.overview();
    case 'plan':
      return authority.plan(args[0] as Parameters<Authority['plan']>[0]);
    case 'apply':
      return authority.apply(args[0] as Parameters<Authority['apply']>[0], progress);
    case 'route':
      return authority.route(String(args[0]), String(args[1]), optionalText(args[2]));
    case 'hostView':
      return authority.hostView(String(args[0]));
    case 'setConfigurationTime':
      return authority.setConfigurationTime(Number(args[0]));
    case 'inferredTopology':
      return authority.inferredTopology(optionalText(args[0]));
    case 'matrix':
      return authority.matrix(optionalText(args[0]));
    case 'history':
      return authority.history(Number(args[0]));
    case 'underlay':
      return authority.underlay();
    case 'sight':
      return authority.sight();
    case 'setSight':
      return authority.setSight(args[0] as Partial<SightParameters>);
    case 'echo':
      return authority.echo(String(args[0]), String(args[1]), args[2] as Parameters<Authority['echo']>[2]);
    default:
      return Promise.reject(new VnetError('VNET_ERR_INVALID', `no such call: ${name}`));
  }
}

function optionalText(value: unknown): string | undefined {
  return value == null ? undefined : String(value);
}
