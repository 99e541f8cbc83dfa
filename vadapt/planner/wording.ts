/** Figures as people read them in plans. */

/** `12.3 Mbit/s`. */
export function bits(bitsPerSecond: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];
  let [value, unit] = [bitsPerSecond, 0];
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

/** `35%`, of 0.35. */
export function percent(share: number): string {
  const value = share * 100;
  return `${Math.abs(value) < 10 ? Number(value.toFixed(1)) : Math.round(value)}%`;
}

/** `3 moves`, `1 link`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
