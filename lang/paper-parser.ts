/**
 * Figure 5 of the Virtuoso thesis, item by item; the order of items is checked where they are lowered.
 *
 * Departures, each wider than the figure: NONE stands for a destination (Figure 2's default rule), ANY may stand
 * without an address, LINK and FORWARD may mix under one ADD or DELETE, a machine repeats its HOST line for a
 * second interface.
 */
import { EmbeddedActionsParser, type IToken } from 'chevrotain';
import type { MatcherNode, PaperNode, PaperNodeOf, Parsed } from './nodes.js';
import { EXPECTED_TOKENS } from './syntax-errors.js';
import { PAPER, PAPER_TOKENS, PaperMac, Value, Word } from './tokens.js';

class PaperParser extends EmbeddedActionsParser {
  #nodes: PaperNode[] = [];

  constructor() {
    super(PAPER_TOKENS, { errorMessageProvider: EXPECTED_TOKENS, maxLookahead: 2 });
    this.performSelfAnalysis();
  }

  parse(tokens: IToken[]): Parsed<PaperNode> {
    this.#nodes = [];
    this.input = tokens;
    this.items();
    const [error] = this.errors;
    return { nodes: this.#nodes, ...(error === undefined ? {} : { error }) };
  }

  private readonly items = this.RULE('items', () => {
    this.MANY(() => {
      const node = this.SUBRULE(this.item);
      this.ACTION(() => this.#nodes.push(node));
    });
  });

  private readonly item = this.RULE(
    'item',
    (): PaperNode =>
      this.OR<PaperNode>([
        { ALT: () => ({ kind: 'begin', head: this.CONSUME(PAPER.BEGIN) }) },
        { ALT: () => ({ kind: 'end', head: this.CONSUME(PAPER.END) }) },
        { ALT: () => ({ kind: 'add', head: this.CONSUME(PAPER.ADD) }) },
        { ALT: () => ({ kind: 'delete', head: this.CONSUME(PAPER.DELETE) }) },
        { ALT: () => this.SUBRULE(this.host) },
        { ALT: () => this.SUBRULE(this.link) },
        { ALT: () => this.SUBRULE(this.forward) },
      ]),
  );

  private readonly host = this.RULE('host', (): PaperNodeOf<'host'> => {
    const head = this.CONSUME(PAPER.HOST);
    const user = this.CONSUME(Value, { ERR_MSG: "a user's name" });
    this.CONSUME(PAPER.AT);
    const machine = this.CONSUME(Word, { ERR_MSG: "a machine's name" });
    const port = this.CONSUME2(Word, { ERR_MSG: 'a port number' });
    const name = this.CONSUME3(Value, { ERR_MSG: 'an interface, as in eth0' });
    return { kind: 'host', head, user, machine, port, interface: name };
  });

  private readonly link = this.RULE('link', (): PaperNodeOf<'link'> => {
    const head = this.CONSUME(PAPER.LINK);
    const type = this.OR([{ ALT: () => this.CONSUME(PAPER.TCP) }, { ALT: () => this.CONSUME(PAPER.UDP) }]);
    const maker = this.CONSUME(Word, { ERR_MSG: 'the machine that makes the link' });
    const a = this.CONSUME2(Word, { ERR_MSG: "a machine's name" });
    const b = this.CONSUME3(Word, { ERR_MSG: "the other machine's name" });
    return { kind: 'link', head, type, maker, a, b };
  });

  private readonly forward = this.RULE('forward', (): PaperNodeOf<'forward'> => {
    const head = this.CONSUME(PAPER.FORWARD);
    return this.OR<PaperNodeOf<'forward'>>([
      {
        ALT: () => {
          this.CONSUME(PAPER.EDGE);
          const matched = this.SUBRULE(this.matched);
          const a = this.CONSUME(Word, { ERR_MSG: "a machine's name" });
          const b = this.CONSUME2(Word, { ERR_MSG: "the other machine's name" });
          return { kind: 'forward', head, ...matched, edge: [a, b] };
        },
      },
      {
        ALT: () => {
          this.CONSUME(PAPER.INTERFACE);
          const matched = this.SUBRULE2(this.matched);
          const name = this.CONSUME(Value, { ERR_MSG: 'an interface, as in eth0' });
          return { kind: 'forward', head, ...matched, interface: name };
        },
      },
    ]);
  });

  private readonly matched = this.RULE('matched', () => {
    const machine = this.CONSUME(Word, { ERR_MSG: "a machine's name" });
    const source = this.SUBRULE(this.source);
    const destination = this.SUBRULE(this.destination);
    return { machine, source, destination };
  });

  private readonly source = this.RULE(
    'source',
    (): MatcherNode =>
      this.OR<MatcherNode>({
        DEF: [
          {
            ALT: () => {
              const word = this.CONSUME(PAPER.ANY);
              // An address after ANY is the source's only where another matcher follows it.
              this.OPTION({ GATE: () => this.#beginsMatcher(this.LA(2)), DEF: () => this.CONSUME(PaperMac) });
              return { word };
            },
          },
          { ALT: () => this.SUBRULE(this.address) },
        ],
        ERR_MSG: '"ANY"\n"NOT"\nan Ethernet address',
      }),
  );

  private readonly destination = this.RULE(
    'destination',
    (): MatcherNode =>
      this.OR<MatcherNode>({
        DEF: [
          { ALT: () => ({ word: this.CONSUME(PAPER.NONE) }) },
          {
            ALT: () => {
              const word = this.CONSUME(PAPER.ANY);
              this.OPTION(() => this.CONSUME(PaperMac));
              return { word };
            },
          },
          { ALT: () => this.SUBRULE(this.address) },
        ],
        ERR_MSG: '"NONE"\n"ANY"\n"NOT"\nan Ethernet address',
      }),
  );

  private readonly address = this.RULE('address', (): MatcherNode => {
    const word = this.OPTION(() => this.CONSUME(PAPER.NOT));
    const value = this.CONSUME(Value, { ERR_MSG: 'an Ethernet address' });
    return { value, ...(word === undefined ? {} : { word }) };
  });

  #beginsMatcher({ tokenType }: IToken): boolean {
    return [PaperMac, PAPER.NOT, PAPER.ANY, PAPER.NONE].includes(tokenType);
  }
}

/** One parser for all: it keeps nothing between two items. */
export const paperParser = new PaperParser();
