/** What browsers count over a span of time. */
import { Histogram } from './histogram.js';
import type { Page } from './pages.js';
import type { PageFigures, WebReport } from './report.js';

export class Tally {
  readonly startedAt = performance.now();
  readonly all = new Histogram();
  readonly pages = new Map<Page, Histogram>();
  requests = 0;
  receivedBytes = 0;
  errors = 0;
  lastError = '';

  add(page: Page, ms: number): void {
    this.all.add(ms);
    const own = this.pages.get(page) ?? new Histogram();
    this.pages.set(page, own);
    own.add(ms);
  }

  report(kind: WebReport['kind'], client: string): WebReport {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const figures = (histogram: Histogram): PageFigures => ({
      count: histogram.count,
      medianMs: histogram.quantile(0.5),
      p95Ms: histogram.quantile(0.95),
    });
    const { count: interactions, medianMs, p95Ms } = figures(this.all);
    return {
      ...{ kind, client, unixMs: Date.now(), seconds: Number(seconds.toFixed(3)), interactions },
      interactionsPerSecond: Number((interactions / seconds).toFixed(2)),
      requestsPerSecond: Number((this.requests / seconds).toFixed(2)),
      ...{ receivedBytes: this.receivedBytes, errors: this.errors, lastError: this.lastError },
      ...{ medianMs, p95Ms },
      pages: Object.fromEntries([...this.pages].map(([page, histogram]) => [page, figures(histogram)])),
    };
  }
}
