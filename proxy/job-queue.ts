/** One job at a time, urgent ones before the others, each kind in the order it was asked for. */

export class JobQueue {
  readonly #urgent: (() => Promise<void>)[] = [];
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #afterEach: () => void;
  #running: Promise<void> | undefined;

  constructor(afterEach: () => void) {
    this.#afterEach = afterEach;
  }

  /** What the job gives, or rejects with; others go on whatever happens. */
  add<T>(job: () => Promise<T>, urgent = false): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        try {
          resolve(await job());
        } catch (thrown) {
          reject(thrown);
        } finally {
          this.#afterEach();
        }
      };
      (urgent ? this.#urgent : this.#waiting).push(run);
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits or runs any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // Nothing runs within the call that asks for it.
    for (;;) {
      const next = this.#urgent.shift() ?? this.#waiting.shift();
      if (!next) break;
      await next();
    }
    this.#running = undefined;
  }
}
