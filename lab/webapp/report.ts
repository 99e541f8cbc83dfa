/** What emulated browsers tell: one JSON object a line. */
import type { Page } from './pages.js';

export interface PageFigures {
  count: number;
  /** Page and its images, from the request to the last octet; within 4%. */
  medianMs: number;
  p95Ms: number;
}

/** Of the browsers of one client. */
export interface WebReport {
  kind: 'interval' | 'end';
  client: string;
  /** When it was written: milliseconds since 1970. */
  unixMs: number;
  seconds: number;
  /** Web interactions completed: pages with their images. */
  interactions: number;
  /** TPC-W's WIPS. */
  interactionsPerSecond: number;
  /** HTTP requests, images included. */
  requestsPerSecond: number;
  receivedBytes: number;
  /** Interactions that failed: no connection, or a status of 400 and above. */
  errors: number;
  /** The last of them, as text; empty if there was none. */
  lastError: string;
  medianMs: number;
  p95Ms: number;
  /** Pages that were asked for at all. */
  pages: Partial<Record<Page, PageFigures>>;
}

export type WebLine = WebReport | { kind: 'ready' };
