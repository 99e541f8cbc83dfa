/**
 * The shop's data in Redis, divided over any number of servers: a book by its number, a session by its own. A search
 * asks them all, as each has the indexes of its own books.
 */
import { VnetError } from '../../core/index.js';
import { bookOf, STOCK, SUBJECTS, TITLE_WORDS } from './catalogue.js';
import { Redis } from './redis.js';

export interface StoredBook {
  id: number;
  title: string;
  author: string;
  subject: string;
  priceCents: number;
  stock: number;
}

export interface OrderLine {
  book: number;
  count: number;
  priceCents: number;
}

export interface Order {
  id: string;
  lines: OrderLine[];
  totalCents: number;
}

const LIST_LENGTH = 20;
const SEED_BATCH = 200;

export class Store {
  readonly #shards: Redis[];

  constructor(servers: readonly { address: string; port: number }[]) {
    this.#shards = servers.map(({ address, port }) => new Redis(address, port));
  }

  close(): void {
    for (const shard of this.#shards) shard.close();
  }

  async ping(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.send('PING')));
  }

  #of(number: number): Redis {
    const shard = this.#shards[number % this.#shards.length];
    if (shard === undefined) throw new VnetError('VNET_ERR_INTERNAL', 'a shop without a store');
    return shard;
  }

  /** Writes the catalogue, after removing what was there. */
  async seed(books: number): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.send('FLUSHALL')));
    for (let from = 0; from < books; from += SEED_BATCH) {
      const batch = Array.from({ length: Math.min(SEED_BATCH, books - from) }, (_, i) => from + i);
      await Promise.all(batch.flatMap((id) => this.#seedBook(id)));
    }
  }

  #seedBook(id: number): Promise<unknown>[] {
    const { title, author, subject, priceCents, age } = bookOf(id);
    const shard = this.#of(id);
    const words = title.split(' ').filter((word) => TITLE_WORDS.includes(word));
    return [
      shard.send(
        ...['HSET', `book:${id}`, 'title', title, 'author', author, 'subject', subject],
        ...['price', priceCents, 'stock', STOCK],
      ),
      shard.send('ZADD', `new:${subject}`, -age, id),
      shard.send('ZADD', `sold:${subject}`, 0, id),
      shard.send('SADD', `by:${author}`, id),
      ...words.map((word) => shard.send('SADD', `word:${word}`, id)),
    ];
  }

  async book(id: number): Promise<StoredBook | undefined> {
    const found = await this.#of(id).hash(`book:${id}`);
    if (found === undefined) return undefined;
    const { title = '', author = '', subject = '', price, stock } = found;
    return { id, title, author, subject, priceCents: Number(price), stock: Number(stock) };
  }

  async books(ids: readonly number[]): Promise<StoredBook[]> {
    const found = await Promise.all(ids.map((id) => this.book(id)));
    return found.filter((book) => book !== undefined);
  }

  /** The newest, or those sold most, of a subject. */
  async top(list: 'new' | 'sold', subject: string): Promise<StoredBook[]> {
    if (!SUBJECTS.includes(subject)) return [];
    const perShard = await Promise.all(
      this.#shards.map((shard) =>
        shard.strings('ZREVRANGE', `${list}:${subject}`, 0, LIST_LENGTH - 1, 'WITHSCORES'),
      ),
    );
    const scored = perShard.flatMap((flat) =>
      Array.from({ length: flat.length / 2 }, (_, i) => ({
        id: Number(flat[2 * i]),
        score: Number(flat[2 * i + 1]),
      })),
    );
    scored.sort((a, b) => b.score - a.score || a.id - b.id);
    return this.books(scored.slice(0, LIST_LENGTH).map(({ id }) => id));
  }

  async search(by: 'author' | 'title', word: string): Promise<StoredBook[]> {
    const key = by === 'author' ? `by:${word}` : `word:${word}`;
    const found = await Promise.all(this.#shards.map((shard) => shard.strings('SMEMBERS', key)));
    const ids = found.flat().map(Number);
    return this.books(ids.sort((a, b) => a - b).slice(0, LIST_LENGTH));
  }

  async addToCart(session: number, book: number): Promise<void> {
    await this.#of(session).send('HINCRBY', `cart:${session}`, book, 1);
  }

  async cart(session: number): Promise<OrderLine[]> {
    const lines = Object.entries((await this.#of(session).hash(`cart:${session}`)) ?? {});
    const books = await this.books(lines.map(([book]) => Number(book)));
    return books.map(({ id, priceCents }) => ({
      book: id,
      priceCents,
      count: Number(lines.find(([book]) => Number(book) === id)?.[1] ?? 0),
    }));
  }

  async register(session: number, name: string): Promise<void> {
    await this.#of(session).send('HSET', `customer:${session}`, 'name', name, 'since', Date.now());
  }

  async customer(session: number): Promise<Record<string, string> | undefined> {
    return this.#of(session).hash(`customer:${session}`);
  }

  /** Turns the cart into an order and takes its books from the stock. Undefined for an empty cart. */
  async buy(session: number): Promise<Order | undefined> {
    const lines = await this.cart(session);
    if (lines.length === 0) return undefined;
    const shard = this.#of(session);
    const id = `${session}-${await shard.send('INCR', `orders-of:${session}`)}`;
    const totalCents = lines.reduce((sum, line) => sum + line.count * line.priceCents, 0);
    await Promise.all([
      shard.send('SET', `order:${id}`, JSON.stringify({ id, lines, totalCents })),
      shard.send('SET', `last-order:${session}`, id),
      shard.send('DEL', `cart:${session}`),
      ...lines.flatMap(({ book, count }) => [
        this.#of(book).send('HINCRBY', `book:${book}`, 'stock', -count),
        this.#of(book).send('ZINCRBY', `sold:${bookOf(book).subject}`, count, book),
      ]),
    ]);
    return { id, lines, totalCents };
  }

  async lastOrder(session: number): Promise<Order | undefined> {
    const id = await this.#of(session).send('GET', `last-order:${session}`);
    if (typeof id !== 'string') return undefined;
    const text = await this.#of(session).send('GET', `order:${id}`);
    return typeof text === 'string' ? (JSON.parse(text) as Order) : undefined;
  }
}
