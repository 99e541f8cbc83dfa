/** Rates as the demo tells them. */
export const mbps = (bitsPerSecond: number): string => `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`;
