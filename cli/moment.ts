/** Points in time. */

/** `2026-11-20 21:45:03`, whatever the daemon's precision; a text that is no time stays as it is. */
export function moment(iso: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(iso) ? iso.slice(0, 19).replace('T', ' ') : iso;
}
