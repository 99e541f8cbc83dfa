/** Keys and size of the terminal that the command runs in, for screens that stay. */
export interface Terminal {
  size(): { columns: number; rows: number };
  /** Every key as it is pressed, without echo, until the returned function is called. Ctrl-C arrives as a key. */
  onKey(heard: (key: string) => void): () => void;
  onResize(changed: () => void): () => void;
}

const USUAL_SIZE = { columns: 80, rows: 24 };

export const systemTerminal: Terminal = {
  size: () => ({
    columns: process.stdout.columns ?? USUAL_SIZE.columns,
    rows: process.stdout.rows ?? USUAL_SIZE.rows,
  }),
  onKey(heard) {
    const { stdin } = process;
    const listen = (data: Buffer): void => heard(data.toString('utf8'));
    if (!stdin.isTTY) return () => {};
    stdin.setRawMode(true);
    stdin.on('data', listen);
    stdin.resume();
    return () => {
      stdin.off('data', listen);
      stdin.setRawMode(false);
      stdin.pause(); // or it would keep the process alive
    };
  },
  onResize(changed) {
    process.stdout.on('resize', changed);
    return () => void process.stdout.off('resize', changed);
  },
};
