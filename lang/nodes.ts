/** What the parsers make of statements: tokens with a role, nothing interpreted yet. */
import type { IToken } from 'chevrotain';

/** A word and what it introduces, as in `port tap:web0`. */
export interface Attribute {
  word: IToken;
  values: IToken[];
}

/** `any`, `none`, `group`: a word; `not X`: both; an address or VM: a value. */
export interface MatcherNode {
  word?: IToken;
  value?: IToken;
}

export interface ActionNode {
  word: IToken;
  value?: IToken;
}

interface Common {
  head: IToken;
}
/** `in NETWORK`. */
interface Scoped extends Common {
  network?: IToken;
}

export type ModernNode =
  | (Common & { kind: 'network'; name: IToken; attributes: Attribute[] })
  | (Common & { kind: 'host'; name: IToken; attributes: Attribute[] })
  | (Common & { kind: 'vm'; name: IToken; pinned: boolean; host: IToken; attributes: Attribute[] })
  | (Scoped & { kind: 'port'; port: IToken; host: IToken; role: IToken })
  | (Common & { kind: 'link'; type: IToken; a: IToken; b: IToken; by?: IToken })
  | (Scoped & { kind: 'shape'; dimensions?: IToken; type?: IToken; hosts: IToken[] })
  | (Scoped & { kind: 'route'; from: IToken; to: IToken; arrow: IToken; via: IToken[] })
  | (Scoped & {
      kind: 'rule';
      host: IToken;
      source: MatcherNode;
      destination: MatcherNode;
      actions: ActionNode[];
    })
  | (Common & { kind: 'reserve-link'; type: IToken; from: IToken; arrow: IToken; to: IToken; rate: IToken })
  | (Common & { kind: 'reserve-cpu'; vm: IToken; slice: IToken; period: IToken })
  /** `latency`: of `within`, between two; otherwise `word` says apart or together. */
  | (Common & { kind: 'keep'; word?: IToken; vms: IToken[]; latency?: IToken })
  | (Common & { kind: 'include'; path: IToken });

export type NodeOf<K extends ModernNode['kind']> = Extract<ModernNode, { kind: K }>;

export type PaperNode =
  | (Common & { kind: 'begin' | 'end' | 'add' | 'delete' })
  | (Common & { kind: 'host'; user: IToken; machine: IToken; port: IToken; interface: IToken })
  | (Common & { kind: 'link'; type: IToken; maker: IToken; a: IToken; b: IToken })
  | (Common & {
      kind: 'forward';
      machine: IToken;
      source: MatcherNode;
      destination: MatcherNode;
      /** EDGE: two machines; INTERFACE: one interface. */
      edge?: [IToken, IToken];
      interface?: IToken;
    });

export type PaperNodeOf<K extends PaperNode['kind']> = Extract<PaperNode, { kind: K }>;

/** What came of one statement's tokens: the nodes before the first error, and the error. */
export interface Parsed<N> {
  nodes: N[];
  error?: import('chevrotain').IRecognitionException;
}
