/** One line of `vnet doctor`. */
export interface Check {
  /** What was looked at, a few words. */
  what: string;
  state: 'ok' | 'warn' | 'fail';
  text: string;
  /** What to do; present unless ok. */
  next?: string;
}
