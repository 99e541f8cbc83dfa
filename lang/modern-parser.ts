/** The grammar of the modern form (docs/language.md), a rule a statement. */
import { EmbeddedActionsParser, type IToken } from 'chevrotain';
import type { ActionNode, Attribute, MatcherNode, ModernNode, NodeOf, Parsed } from './nodes.js';
import { EXPECTED_TOKENS } from './syntax-errors.js';
import { BothWays, Comma, MODERN, MODERN_TOKENS, OneWay, SHAPE_WORDS, Value, Word } from './tokens.js';

const DIMENSIONS = /^\d+(x\d+)*$/;
/** Shapes whose first word may be a size. */
const SIZED = new Set([MODERN.tree, MODERN.torus, MODERN.hypercube]);

class ModernParser extends EmbeddedActionsParser {
  #nodes: ModernNode[] = [];

  constructor() {
    super(MODERN_TOKENS, { errorMessageProvider: EXPECTED_TOKENS, maxLookahead: 2 });
    this.performSelfAnalysis();
  }

  /** Parses the tokens of one statement, or of several on a line. */
  parse(tokens: IToken[]): Parsed<ModernNode> {
    this.#nodes = [];
    this.input = tokens;
    this.statements();
    const [error] = this.errors;
    return { nodes: this.#nodes, ...(error === undefined ? {} : { error }) };
  }

  private readonly statements = this.RULE('statements', () => {
    this.MANY(() => {
      const node = this.SUBRULE(this.statement);
      this.ACTION(() => this.#nodes.push(node));
    });
  });

  private readonly statement = this.RULE(
    'statement',
    (): ModernNode =>
      this.OR<ModernNode>([
        { ALT: () => this.SUBRULE(this.network) },
        { ALT: () => this.SUBRULE(this.proxy) },
        { ALT: () => this.SUBRULE(this.host) },
        { ALT: () => this.SUBRULE(this.vm) },
        { ALT: () => this.SUBRULE(this.port) },
        { ALT: () => this.SUBRULE(this.link) },
        { ALT: () => this.SUBRULE(this.shape) },
        { ALT: () => this.SUBRULE(this.route) },
        { ALT: () => this.SUBRULE(this.rule) },
        { ALT: () => this.SUBRULE(this.reserve) },
        { ALT: () => this.SUBRULE(this.keep) },
        { ALT: () => this.SUBRULE(this.include) },
      ]),
  );

  private readonly network = this.RULE('network', (): NodeOf<'network'> => {
    const head = this.CONSUME(MODERN.network);
    const name = this.CONSUME(Word, { ERR_MSG: "a network's name" });
    const attributes: Attribute[] = [];
    this.MANY(() => {
      const word = this.OR([{ ALT: () => this.CONSUME(MODERN.id) }, { ALT: () => this.CONSUME(MODERN.mtu) }]);
      attributes.push({ word, values: [this.CONSUME2(Word, { ERR_MSG: 'a number' })] });
    });
    return { kind: 'network', head, name, attributes };
  });

  private readonly proxy = this.RULE('proxy', (): NodeOf<'host'> => {
    const head = this.CONSUME(MODERN.proxy);
    const name = this.CONSUME(Word, { ERR_MSG: "the Proxy's name" });
    const attributes: Attribute[] = [];
    this.MANY(() => {
      this.OR([
        { ALT: () => attributes.push(this.SUBRULE(this.hostAttribute)) },
        {
          ALT: () => {
            const word = this.CONSUME(MODERN.lan);
            attributes.push({ word, values: [this.CONSUME(Value, { ERR_MSG: 'a port, as in bridge:br0' })] });
          },
        },
      ]);
    });
    return { kind: 'host', head, name, attributes };
  });

  private readonly host = this.RULE('host', (): NodeOf<'host'> => {
    const head = this.CONSUME(MODERN.host);
    const name = this.CONSUME(Word, { ERR_MSG: "a host's name" });
    const attributes: Attribute[] = [];
    this.MANY(() => attributes.push(this.SUBRULE(this.hostAttribute)));
    return { kind: 'host', head, name, attributes };
  });

  private readonly hostAttribute = this.RULE(
    'hostAttribute',
    (): Attribute =>
      this.OR([
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.at),
            values: [this.CONSUME(Word, { ERR_MSG: 'an address, as in 10.0.0.1:7700' })],
          }),
        },
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.user),
            values: [this.CONSUME(Value, { ERR_MSG: "a user's name" })],
          }),
        },
        { ALT: () => this.SUBRULE(this.size) },
      ]),
  );

  /** What a VM needs, or a host has for VMs. */
  private readonly size = this.RULE(
    'size',
    (): Attribute =>
      this.OR([
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.memory),
            values: [this.CONSUME(Word, { ERR_MSG: 'a size, as in 512M' })],
          }),
        },
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.cpu),
            values: [this.CONSUME2(Word, { ERR_MSG: 'a number' })],
          }),
        },
      ]),
  );

  private readonly vm = this.RULE('vm', (): NodeOf<'vm'> => {
    const head = this.CONSUME(MODERN.vm);
    const name = this.CONSUME(Word, { ERR_MSG: "a VM's name" });
    const pinned = this.OPTION(() => this.CONSUME(MODERN.pinned)) !== undefined;
    this.CONSUME(MODERN.on);
    const host = this.CONSUME2(Word, { ERR_MSG: "a host's name" });
    const attributes: Attribute[] = [];
    this.MANY({
      // `port SPEC on` begins the next statement.
      GATE: () => this.LA(1).tokenType !== MODERN.port || this.LA(3).tokenType !== MODERN.on,
      DEF: () => attributes.push(this.SUBRULE(this.vmAttribute)),
    });
    return { kind: 'vm', head, name, pinned, host, attributes };
  });

  private readonly vmAttribute = this.RULE(
    'vmAttribute',
    (): Attribute =>
      this.OR([
        {
          ALT: () => {
            const word = this.CONSUME(MODERN.mac);
            const values: IToken[] = [];
            this.AT_LEAST_ONE_SEP({
              SEP: Comma,
              DEF: () => values.push(this.CONSUME(Word, { ERR_MSG: 'an Ethernet address' })),
              ERR_MSG: 'an Ethernet address',
            });
            return { word, values };
          },
        },
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.port),
            values: [this.CONSUME(Value, { ERR_MSG: 'a port, as in tap:web0' })],
          }),
        },
        { ALT: () => this.SUBRULE(this.size) },
        {
          ALT: () => {
            const word = this.CONSUME(MODERN.among);
            const values: IToken[] = [];
            this.AT_LEAST_ONE_SEP2({
              SEP: Comma,
              DEF: () => values.push(this.CONSUME3(Word, { ERR_MSG: "a host's name" })),
              ERR_MSG: "a host's name",
            });
            return { word, values };
          },
        },
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.in),
            values: [this.CONSUME2(Word, { ERR_MSG: "a network's name" })],
          }),
        },
        { ALT: () => this.SUBRULE(this.machine) },
      ]),
  );

  /** How a VM is run: a driver, what it is told, and its parts. */
  private readonly machine = this.RULE(
    'machine',
    (): Attribute =>
      this.OR([
        {
          ALT: () => {
            const word = this.CONSUME(MODERN.run);
            const driver = this.CONSUME(Word, { ERR_MSG: '"qemu"\n"netns"\n"exec"' });
            const argument = this.OPTION(() => this.CONSUME(Value));
            return { word, values: argument === undefined ? [driver] : [driver, argument] };
          },
        },
        { ALT: () => this.SUBRULE(this.machinePart) },
      ]),
  );

  private readonly machinePart = this.RULE('machinePart', (): Attribute => {
    const word = this.OR([
      { ALT: () => this.CONSUME(MODERN.kernel) },
      { ALT: () => this.CONSUME(MODERN.initrd) },
      { ALT: () => this.CONSUME(MODERN.append) },
      { ALT: () => this.CONSUME(MODERN.disk) },
      { ALT: () => this.CONSUME(MODERN.state) },
    ]);
    return { word, values: [this.CONSUME(Value, { ERR_MSG: 'a path or a "text"' })] };
  });

  private readonly port = this.RULE('port', (): NodeOf<'port'> => {
    const head = this.CONSUME(MODERN.port);
    const port = this.CONSUME(Value, { ERR_MSG: 'a port, as in bridge:br0' });
    this.CONSUME(MODERN.on);
    const host = this.CONSUME(Word, { ERR_MSG: "a host's name" });
    const role = this.OR([
      { ALT: () => this.CONSUME(MODERN.lan) },
      { ALT: () => this.CONSUME(MODERN.vm) },
      { ALT: () => this.CONSUME(MODERN.vms) },
    ]);
    return { kind: 'port', head, port, host, role, ...this.SUBRULE(this.scope) };
  });

  private readonly link = this.RULE('link', (): NodeOf<'link'> => {
    const head = this.CONSUME(MODERN.link);
    const type = this.SUBRULE(this.linkType);
    const a = this.CONSUME(Word, { ERR_MSG: "a host's name" });
    const b = this.CONSUME2(Word, { ERR_MSG: "the other host's name" });
    const by = this.OPTION(() => {
      this.CONSUME(MODERN.by);
      return this.CONSUME3(Word, { ERR_MSG: "a host's name" });
    });
    return { kind: 'link', head, type, a, b, ...(by === undefined ? {} : { by }) };
  });

  private readonly linkType = this.RULE(
    'linkType',
    (): IToken => this.OR([{ ALT: () => this.CONSUME(MODERN.udp) }, { ALT: () => this.CONSUME(MODERN.tcp) }]),
  );

  private readonly shape = this.RULE('shape', (): NodeOf<'shape'> => {
    const head = this.OR(SHAPE_WORDS.map((word) => ({ ALT: () => this.CONSUME(MODERN[word]) })));
    const dimensions = this.OPTION({
      GATE: () => SIZED.has(head.tokenType) && DIMENSIONS.test(this.LA(1).image),
      DEF: () => this.CONSUME(Word),
    });
    const type = this.OPTION2(() => this.SUBRULE(this.linkType));
    const hosts: IToken[] = [];
    this.MANY(() => hosts.push(this.CONSUME2(Word)));
    return {
      kind: 'shape',
      head,
      hosts,
      ...(dimensions === undefined ? {} : { dimensions }),
      ...(type === undefined ? {} : { type }),
      ...this.SUBRULE(this.scope),
    };
  });

  private readonly route = this.RULE('route', (): NodeOf<'route'> => {
    const head = this.CONSUME(MODERN.route);
    const from = this.CONSUME(Word, { ERR_MSG: "a VM's name" });
    const arrow = this.OR([{ ALT: () => this.CONSUME(BothWays) }, { ALT: () => this.CONSUME(OneWay) }]);
    const to = this.CONSUME2(Word, { ERR_MSG: "a VM's name" });
    this.CONSUME(MODERN.via);
    const via: IToken[] = [this.CONSUME3(Word, { ERR_MSG: "a host's name" })];
    this.MANY(() => via.push(this.CONSUME4(Word)));
    return { kind: 'route', head, from, to, arrow, via, ...this.SUBRULE(this.scope) };
  });

  private readonly rule = this.RULE('rule', (): NodeOf<'rule'> => {
    const head = this.CONSUME(MODERN.rule);
    this.CONSUME(MODERN.on);
    const host = this.CONSUME(Word, { ERR_MSG: "a host's name" });
    this.CONSUME(MODERN.from);
    const source = this.SUBRULE(this.sourceMatcher);
    this.CONSUME(MODERN.to);
    const destination = this.SUBRULE(this.destinationMatcher);
    this.CONSUME(MODERN.via);
    const actions: ActionNode[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => actions.push(this.SUBRULE(this.action)),
      ERR_MSG: '"edge"\n"port"\n"drop"',
    });
    return { kind: 'rule', head, host, source, destination, actions, ...this.SUBRULE(this.scope) };
  });

  private readonly sourceMatcher = this.RULE(
    'sourceMatcher',
    (): MatcherNode =>
      this.OR<MatcherNode>({
        DEF: [
          { ALT: () => ({ word: this.CONSUME(MODERN.any) }) },
          { ALT: () => this.SUBRULE(this.addressMatcher) },
        ],
        ERR_MSG: '"any"\n"not"\nan Ethernet address\na VM',
      }),
  );

  private readonly destinationMatcher = this.RULE(
    'destinationMatcher',
    (): MatcherNode =>
      this.OR<MatcherNode>({
        DEF: [
          { ALT: () => ({ word: this.CONSUME(MODERN.any) }) },
          { ALT: () => ({ word: this.CONSUME(MODERN.none) }) },
          { ALT: () => ({ word: this.CONSUME(MODERN.group) }) },
          { ALT: () => this.SUBRULE(this.addressMatcher) },
        ],
        ERR_MSG: '"any"\n"none"\n"group"\n"not"\nan Ethernet address\na VM',
      }),
  );

  private readonly addressMatcher = this.RULE('addressMatcher', (): MatcherNode => {
    const word = this.OPTION(() => this.CONSUME(MODERN.not));
    const value = this.CONSUME(Word, { ERR_MSG: 'an Ethernet address\na VM' });
    return { value, ...(word === undefined ? {} : { word }) };
  });

  private readonly action = this.RULE(
    'action',
    (): ActionNode =>
      this.OR<ActionNode>([
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.edge),
            value: this.CONSUME(Word, { ERR_MSG: "a neighbour's name" }),
          }),
        },
        {
          ALT: () => ({
            word: this.CONSUME(MODERN.port),
            value: this.CONSUME(Value, { ERR_MSG: 'a port, as in tap:web0' }),
          }),
        },
        { ALT: () => ({ word: this.CONSUME(MODERN.drop) }) },
      ]),
  );

  private readonly reserve = this.RULE('reserve', (): NodeOf<'reserve-link' | 'reserve-cpu'> => {
    const head = this.CONSUME(MODERN.reserve);
    return this.OR<NodeOf<'reserve-link' | 'reserve-cpu'>>([
      {
        ALT: () => {
          const type = this.SUBRULE(this.linkType);
          const from = this.CONSUME(Word, { ERR_MSG: "a host's name" });
          const arrow = this.OR2([
            { ALT: () => this.CONSUME(OneWay) },
            { ALT: () => this.CONSUME(BothWays) },
          ]);
          const to = this.CONSUME2(Word, { ERR_MSG: "a host's name" });
          const rate = this.CONSUME3(Word, { ERR_MSG: 'a rate, as in 50M' });
          return { kind: 'reserve-link', head, type, from, arrow, to, rate };
        },
      },
      {
        ALT: () => {
          this.CONSUME(MODERN.cpu);
          const vm = this.CONSUME4(Word, { ERR_MSG: "a VM's name" });
          const slice = this.CONSUME5(Word, { ERR_MSG: 'a time, as in 20ms' });
          this.CONSUME(MODERN.of);
          return {
            kind: 'reserve-cpu',
            head,
            vm,
            slice,
            period: this.CONSUME6(Word, { ERR_MSG: 'a time, as in 100ms' }),
          };
        },
      },
    ]);
  });

  private readonly keep = this.RULE('keep', (): NodeOf<'keep'> => {
    const head = this.CONSUME(MODERN.keep);
    return this.OR<NodeOf<'keep'>>({
      DEF: [
        { ALT: () => ({ kind: 'keep', head, ...this.SUBRULE(this.placed) }) },
        { ALT: () => ({ kind: 'keep', head, ...this.SUBRULE(this.bounded) }) },
      ],
      ERR_MSG: '"apart"\n"together"\na VM',
    });
  });

  private readonly placed = this.RULE('placed', (): { word: IToken; vms: IToken[] } => {
    const word = this.OR([
      { ALT: () => this.CONSUME(MODERN.apart) },
      { ALT: () => this.CONSUME(MODERN.together) },
    ]);
    const vms = [
      this.CONSUME(Word, { ERR_MSG: "a VM's name" }),
      this.CONSUME2(Word, { ERR_MSG: "another VM's name" }),
    ];
    this.MANY(() => vms.push(this.CONSUME3(Word)));
    return { word, vms };
  });

  private readonly bounded = this.RULE('bounded', (): { vms: IToken[]; latency: IToken } => {
    const a = this.CONSUME(Word, { ERR_MSG: "a VM's name" });
    this.CONSUME(BothWays);
    const b = this.CONSUME2(Word, { ERR_MSG: "another VM's name" });
    this.CONSUME(MODERN.within);
    return { vms: [a, b], latency: this.CONSUME3(Word, { ERR_MSG: 'a time, as in 5ms' }) };
  });

  private readonly include = this.RULE('include', (): NodeOf<'include'> => {
    const head = this.CONSUME(MODERN.include);
    return { kind: 'include', head, path: this.CONSUME(Value, { ERR_MSG: 'a file, as in "other.vnet"' }) };
  });

  private readonly scope = this.RULE('scope', (): { network?: IToken } => {
    const network = this.OPTION(() => {
      this.CONSUME(MODERN.in);
      return this.CONSUME(Word, { ERR_MSG: "a network's name" });
    });
    return network === undefined ? {} : { network };
  });
}

/** One parser for all: it keeps nothing between two statements. */
export const modernParser = new ModernParser();
