/**
 * The pages of the shop and how often people ask for them: the web interactions of TPC-W (TPC Benchmark W 1.8,
 * clause 5.2) without the two for administrators, 0.2% of it. Frequencies, not its transitions from page to page.
 */
import { VnetError } from '../../core/index.js';

export const PAGES = [
  'home',
  'new-products',
  'best-sellers',
  'product',
  'search-request',
  'search-results',
  'cart',
  'register',
  'buy-request',
  'buy-confirm',
  'order-inquiry',
  'order-display',
] as const;
export type Page = (typeof PAGES)[number];

/** Browsing has 5% of interactions related to orders, shopping 20%, ordering 50%. */
export type WebMix = 'browsing' | 'shopping' | 'ordering';

/** Per cent, in the order of PAGES. */
const FREQUENCIES: Record<WebMix, readonly number[]> = {
  browsing: [29, 11, 11, 21, 12, 11, 2, 0.82, 0.75, 0.69, 0.3, 0.25],
  shopping: [16, 5, 5, 17, 20, 17, 11.6, 3, 2.6, 1.2, 0.75, 0.66],
  ordering: [9.12, 0.46, 0.46, 12.35, 14.53, 13.08, 13.53, 12.86, 12.73, 10.18, 0.25, 0.22],
};

/** Share of each page, 0 to 1, summing to 1. VNET_ERR_INVALID for a mix that is none. */
export function pageShares(mix: WebMix): Map<Page, number> {
  if (!Object.hasOwn(FREQUENCIES, mix)) {
    throw new VnetError('VNET_ERR_INVALID', `there is no mix '${mix}'`, {
      hint: `there are ${Object.keys(FREQUENCIES).join(', ')}`,
    });
  }
  const weights = FREQUENCIES[mix];
  const sum = weights.reduce((a, b) => a + b, 0);
  return new Map(PAGES.map((page, index) => [page, (weights[index] ?? 0) / sum]));
}

/** @param chance uniform in [0, 1) */
export function pickPage(shares: ReadonlyMap<Page, number>, chance: number): Page {
  let left = chance;
  for (const [page, share] of shares) {
    left -= share;
    if (left < 0) return page;
  }
  return 'home';
}
