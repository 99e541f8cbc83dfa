/** The shop: what each page shows, as HTML. Knows nothing of sockets. */
import { SUBJECTS } from './catalogue.js';
import type { Page } from './pages.js';
import type { OrderLine, Store, StoredBook } from './store.js';

export interface Asked {
  page: Page;
  session: number;
  query: URLSearchParams;
}

export interface Answer {
  status: number;
  html: string;
}

/** Images that are there: one of few, so that the front's memory holds them. */
export const IMAGE_COUNT = 16;
const HOME_BOOKS = [0, 1, 2, 3, 4];

const escape = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);
const money = (cents: number) => `${(cents / 100).toFixed(2)} EUR`;
const image = (size: 'small' | 'large', id: number) =>
  `<img src="/images/${size}-${id % IMAGE_COUNT}.jpg" alt="">`;

function shelf(books: readonly StoredBook[]): string {
  const items = books.map(
    ({ id, title, author, priceCents }) =>
      `<li>${image('small', id)} <a href="/product?id=${id}">${escape(title)}</a> by ${escape(author)}, ${money(priceCents)}</li>`,
  );
  return `<ul class="shelf">${items.join('\n')}</ul>`;
}

function linesTable(lines: readonly OrderLine[]): string {
  const rows = lines.map(
    ({ book, count, priceCents }) =>
      `<tr><td>${book}</td><td>${count}</td><td>${money(count * priceCents)}</td></tr>`,
  );
  return `<table><tr><th>book</th><th>count</th><th>price</th></tr>${rows.join('')}</table>`;
}

function frame(title: string, body: string): string {
  const links = SUBJECTS.map((subject) => `<a href="/new-products?subject=${subject}">${subject}</a>`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>
<body><nav><a href="/home">home</a> <a href="/cart">cart</a> ${links.join(' ')}</nav><h1>${escape(title)}</h1>
${body}</body></html>\n`;
}

const found = (title: string, body: string): Answer => ({ status: 200, html: frame(title, body) });
const missing = (what: string): Answer => ({
  status: 404,
  html: frame('not found', `<p>no such ${what}</p>`),
});

type Handler = (store: Store, asked: Asked) => Promise<Answer>;

const subjectOf = ({ query }: Asked) => query.get('subject') ?? SUBJECTS[0] ?? '';

const HANDLERS: Record<Page, Handler> = {
  home: async (store) => found('a small bookshop', shelf(await store.books(HOME_BOOKS))),
  'new-products': async (store, asked) =>
    found(`new in ${subjectOf(asked)}`, shelf(await store.top('new', subjectOf(asked)))),
  'best-sellers': async (store, asked) =>
    found(`most sold in ${subjectOf(asked)}`, shelf(await store.top('sold', subjectOf(asked)))),
  product: async (store, { query }) => {
    const book = await store.book(Number(query.get('id')));
    if (book === undefined) return missing('book');
    const { id, author, subject, priceCents, stock } = book;
    const text = `<p>by ${escape(author)}, ${subject}, ${money(priceCents)}, in stock: <b id="stock">${stock}</b></p>`;
    return found(book.title, `${image('large', id)}${text}<a href="/cart?add=${id}">buy</a>`);
  },
  'search-request': async () => found('search', '<form action="/search-results"><input name="word"></form>'),
  'search-results': async (store, { query }) => {
    const by = query.get('by') === 'author' ? 'author' : 'title';
    const word = query.get('word') ?? '';
    return found(`search for ${word}`, shelf(await store.search(by, word)));
  },
  cart: async (store, { query, session }) => {
    const add = query.get('add');
    if (add !== null) {
      if ((await store.book(Number(add))) === undefined) return missing('book');
      await store.addToCart(session, Number(add));
    }
    return found('your cart', linesTable(await store.cart(session)));
  },
  register: async (store, { query, session }) => {
    await store.register(session, query.get('name') ?? 'nobody');
    return found('welcome', `<p>customer ${session}</p>`);
  },
  'buy-request': async (store, { session }) => {
    const [customer, lines] = await Promise.all([store.customer(session), store.cart(session)]);
    return found(
      'to be bought',
      `<p>for ${escape(customer?.['name'] ?? 'a new customer')}</p>${linesTable(lines)}`,
    );
  },
  'buy-confirm': async (store, { session }) => {
    const order = await store.buy(session);
    if (order === undefined) return found('nothing to buy', '<p>your cart is empty</p>');
    return found('thank you', `<p>order ${order.id}: ${money(order.totalCents)}</p>`);
  },
  'order-inquiry': async (_, { session }) =>
    found('your orders', `<form action="/order-display">customer ${session}</form>`),
  'order-display': async (store, { session }) => {
    const order = await store.lastOrder(session);
    if (order === undefined) return found('your orders', '<p>none yet</p>');
    return found(`order ${order.id}`, `${linesTable(order.lines)}<p>${money(order.totalCents)}</p>`);
  },
};

export function answer(store: Store, asked: Asked): Promise<Answer> {
  return HANDLERS[asked.page](store, asked);
}
