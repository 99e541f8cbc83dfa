/** The books of the shop: made from their number, the same everywhere. */

export interface Book {
  id: number;
  title: string;
  author: string;
  subject: string;
  priceCents: number;
  /** Days before today. */
  age: number;
}

export const SUBJECTS = [
  'arts',
  'biography',
  'computing',
  'cooking',
  'history',
  'poetry',
  'science',
  'travel',
];
const FIRST = [
  'a quiet',
  'the last',
  'an early',
  'the northern',
  'a second',
  'the blue',
  'an open',
  'the long',
];
const SECOND = ['river', 'garden', 'letter', 'winter', 'harbour', 'theory', 'kitchen', 'road', 'library'];
export const AUTHORS = [
  'Almeida',
  'Brandt',
  'Castell',
  'Dufour',
  'Eriksen',
  'Farkas',
  'Greco',
  'Haddad',
  'Ivanova',
];

export const STOCK = 1000;

/** Titles of this many words of the second list can be searched for. */
export const TITLE_WORDS: readonly string[] = SECOND;

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

export function bookOf(id: number): Book {
  const first = pick(FIRST, id);
  const second = pick(SECOND, Math.floor(id / FIRST.length));
  return {
    id,
    title: `${first} ${second}`,
    author: pick(AUTHORS, id * 7 + 3),
    subject: pick(SUBJECTS, id * 5 + Math.floor(id / 8)),
    priceCents: 500 + ((id * 137) % 4500),
    age: (id * 31) % 3650,
  };
}
