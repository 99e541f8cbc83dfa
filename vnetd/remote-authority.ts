/** The Proxy's authority as seen from another daemon: the same calls, over the control channel. */
import {
  type AdaptPlan,
  type AdaptPlanRequest,
  type AdaptProgress,
  type AdaptReason,
  type AdaptRecord,
  type AdaptSettings,
  type AdaptView,
  type Authority,
  type ChangeProgress,
  type ChangeResult,
  type EchoResult,
  type LocalView,
  type MatrixView,
  type MoveOptions,
  type MoveRequest,
  type MoveResult,
  type MoveView,
  type OverlayView,
  type Plan,
  type RouteView,
  type SightParameters,
  type TopologyView,
  type TrafficHistory,
  type UnderlayView,
  type VmCheck,
  type VmStatus,
  VnetError,
} from '../core/index.js';
import { CALL_UNTIL_CLOSED, type ChannelPeer, type Progress } from './channel/index.js';

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
  'vms',
  'startVm',
  'stopVm',
  'checkVm',
  'moveVms',
  'cancelMove',
  'drainHost',
  'adaptation',
  'setAdaptation',
  'planAdaptation',
  'applyAdaptation',
  'whyAdapted',
  'clearAdaptation',
] as const;
type AuthorityCall = (typeof AUTHORITY_CALLS)[number];

export function remoteAuthority(peer: () => ChannelPeer | undefined, state: () => string): Authority {
  const call = <T>(
    name: AuthorityCall,
    args: unknown[],
    progress?: Progress,
    timeoutMs?: number,
  ): Promise<T> => {
    const connected = peer();
    if (!connected) {
      return Promise.reject(
        new VnetError('VNET_ERR_UNREACHABLE', `the Proxy is away (${state()}), and it holds the topology`, {
          hint: 'frames go on by what is installed; ask again when the Proxy is back',
        }),
      );
    }
    return connected.call<T>(name, args, progress, timeoutMs);
  };
  // A guest boots, ends and moves in its own time; the Proxy bounds each step of it.
  const lasting = <T, Step = never>(name: AuthorityCall, args: unknown[], progress?: (step: Step) => void) =>
    call<T>(name, args, progress && ((body) => progress(body as Step)), CALL_UNTIL_CLOSED);
  return {
    overview: () => call<OverlayView>('overview', []),
    plan: (request) => call<Plan>('plan', [request]),
    apply: (request, progress) =>
      call<ChangeResult>('apply', [request], progress && ((body) => progress(body as ChangeProgress))),
    route: (from, to, network) => call<RouteView>('route', [from, to, network]),
    hostView: (host) => call<LocalView>('hostView', [host]),
    setConfigurationTime: (boundMs) => call<void>('setConfigurationTime', [boundMs]),
    inferredTopology: (network) => call<TopologyView>('inferredTopology', [network]),
    matrix: (network, limit) => call<MatrixView>('matrix', [network, limit]),
    history: (after) => call<TrafficHistory>('history', [after]),
    underlay: () => call<UnderlayView>('underlay', []),
    sight: () => call<SightParameters>('sight', []),
    setSight: (parameters) => call<SightParameters>('setSight', [parameters]),
    echo: (from, to, options) => call<EchoResult>('echo', [from, to, options]),
    vms: () => call<VmStatus[]>('vms', []),
    startVm: (vm, options) => lasting<VmStatus>('startVm', [vm, options]),
    stopVm: (vm, options) => lasting<VmStatus>('stopVm', [vm, options]),
    checkVm: (vm, host) => lasting<VmCheck>('checkVm', [vm, host]),
    moveVms: (request, progress) => lasting<MoveResult[], MoveView>('moveVms', [request], progress),
    cancelMove: (vm) => lasting<void>('cancelMove', [vm]),
    drainHost: (host, options, progress) =>
      lasting<MoveResult[], MoveView>('drainHost', [host, options], progress),
    adaptation: (history) => call<AdaptView>('adaptation', [history]),
    setAdaptation: (settings) => call<AdaptSettings>('setAdaptation', [settings]),
    planAdaptation: (request) => lasting<AdaptPlan>('planAdaptation', [request]),
    applyAdaptation: (plan, progress) =>
      lasting<AdaptRecord, AdaptProgress>('applyAdaptation', [plan], progress),
    whyAdapted: (subject) => call<AdaptReason>('whyAdapted', [subject]),
    clearAdaptation: () => lasting<AdaptRecord | undefined>('clearAdaptation', []),
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
      return authority.matrix(optionalText(args[0]), optionalNumber(args[1]));
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
    case 'vms':
      return authority.vms();
    case 'startVm':
      return authority.startVm(String(args[0]), optional<Parameters<Authority['startVm']>[1]>(args[1]));
    case 'stopVm':
      return authority.stopVm(String(args[0]), optional<Parameters<Authority['stopVm']>[1]>(args[1]));
    case 'checkVm':
      return authority.checkVm(String(args[0]), String(args[1]));
    case 'moveVms':
      return authority.moveVms(args[0] as MoveRequest, progress);
    case 'cancelMove':
      return authority.cancelMove(String(args[0]));
    case 'drainHost':
      return authority.drainHost(String(args[0]), optional<MoveOptions>(args[1]), progress);
    case 'adaptation':
      return authority.adaptation(optionalNumber(args[0]));
    case 'setAdaptation':
      return ownSolver(args[0]) ?? authority.setAdaptation(args[0] as Partial<AdaptSettings>);
    case 'planAdaptation': {
      const request = optional<AdaptPlanRequest>(args[0]);
      return ownSolver(request?.settings) ?? authority.planAdaptation(request);
    }
    case 'applyAdaptation':
      return authority.applyAdaptation(String(args[0]), progress);
    case 'whyAdapted':
      return authority.whyAdapted(String(args[0]));
    case 'clearAdaptation':
      return authority.clearAdaptation();
    default:
      return Promise.reject(new VnetError('VNET_ERR_INVALID', `no such call: ${name}`));
  }
}

/** A file or a program would run on the Proxy's host: only who may call that host's own API may name one. */
function ownSolver(settings: unknown): Promise<never> | undefined {
  const solver = (settings as { solver?: unknown } | undefined)?.solver;
  if (solver === undefined || /^[a-z0-9-]+$/.test(String(solver))) return undefined;
  return Promise.reject(
    new VnetError(
      'VNET_ERR_REFUSED',
      `a solver of your own (${String(solver)}) is named on the Proxy's host`,
      {
        hint: 'run the command there',
      },
    ),
  );
}

function optionalText(value: unknown): string | undefined {
  return value == null ? undefined : String(value);
}

function optionalNumber(value: unknown): number | undefined {
  return value == null ? undefined : Number(value);
}

/** What JSON made null of was not given. */
function optional<T>(value: unknown): T | undefined {
  return (value ?? undefined) as T | undefined;
}
