/**
 * Counts a run's tests from its TAP (version 14, as node-tap writes it), line by line.
 *
 * What counts is the innermost named test, not its assertions: a loop of ten thousand comparisons is one test.
 * A file without named tests is one test.
 */

const POINT = /^( *)(not )?ok\b(?: \d+)?(?: - (.*?))?(?: # (SKIP|TODO|time=[\d.]+m?s)(.*?))?( \{)?$/i;
const SUBTEST = /^( *)# Subtest: (.*)$/;
/** A test written as `ok 1 - name {`, its result before its content. */
const END_OF_BUFFERED = /^( *)\}$/;
const INDENT = 4;

export class Tally {
  passed = 0;
  failed = 0;
  /** @type {{ name: string, cause: string }[]} */
  skips = [];
  /** @type {string[]} Names of what failed, outermost first. */
  failures = [];
  /** Names of the tests around the current line, and whether each has had a test within. */
  #open = [];
  #inDiagnostics = undefined;

  /** @param {Iterable<Tally>} tallies */
  static sum(tallies) {
    const total = new Tally();
    for (const { passed, failed, skips, failures } of tallies) {
      total.passed += passed;
      total.failed += failed;
      total.skips.push(...skips);
      total.failures.push(...failures);
    }
    return total;
  }

  /** @param {string} line @returns {{ file: string, ok: boolean } | undefined} a file that has just ended */
  push(line) {
    if (this.#skipDiagnostics(line)) return undefined;
    const subtest = SUBTEST.exec(line);
    if (subtest) {
      // Written inside the test's own indentation or before it, always one level above its points.
      this.#openAt(subtest[1].length / INDENT, subtest[2]);
      return undefined;
    }
    const point = POINT.exec(line) ?? this.#endOfBuffered(line);
    return point ? this.#point(point) : undefined;
  }

  #skipDiagnostics(line) {
    const indent = /^ */.exec(line)[0];
    if (this.#inDiagnostics !== undefined) {
      if (line === `${this.#inDiagnostics}...`) this.#inDiagnostics = undefined;
      return true;
    }
    if (line.trim() !== '---') return false;
    this.#inDiagnostics = indent;
    return true;
  }

  #openAt(depth, name, result) {
    this.#open.length = depth;
    this.#open.push({ name, inner: 0, points: 0, skipped: 0, result });
  }

  /** The point that stood before the content of a buffered test, as if it came after it like any other. */
  #endOfBuffered(line) {
    const end = END_OF_BUFFERED.exec(line);
    return end ? this.#open[end[1].length / INDENT]?.result : undefined;
  }

  #point(point) {
    const [, indent, not, title = '', directive = '', cause = '', brace] = point;
    const depth = indent.length / INDENT;
    if (brace) {
      this.#openAt(depth, title, point.with(-1, undefined));
      return undefined;
    }
    // Tests within that never ended (the process died) end here too.
    const [closing] = this.#open.splice(depth);
    const skipped = /^(skip|todo)$/i.test(directive);
    const path = [...this.#open.slice(0, depth).map(({ name }) => name), title || closing?.name || 'unnamed'];
    const parent = this.#open[depth - 1];
    if (skipped) this.#skip(path, directive, cause, parent);
    else if (closing) this.#close(closing, Boolean(not), path, parent);
    else if (parent) parent.points += 1;
    return depth === 0 ? { file: title, ok: !not } : undefined;
  }

  #skip(path, directive, cause, parent) {
    const reason = cause.trim() || (/todo/i.test(directive) ? 'to do' : 'no cause given');
    this.skips.push({ name: path.join(' > '), cause: reason });
    if (parent) parent.skipped += 1;
  }

  #close(test, failed, path, parent) {
    if (parent) parent.inner += 1;
    if (failed && test.inner === 0) this.#fail(path);
    else if (failed && !this.failures.some((name) => name.startsWith(`${path.join(' > ')} > `)))
      this.#fail(path);
    else if (test.inner === 0 && (test.points > 0 || test.skipped === 0)) this.passed += failed ? 0 : 1;
  }

  #fail(path) {
    this.failed += 1;
    this.failures.push(path.join(' > '));
  }

  /** For what went wrong outside of every test. */
  addFailure(name) {
    this.#fail([name]);
  }

  /** `N passed, N failed, N skipped` */
  toString() {
    return `${this.passed} passed, ${this.failed} failed, ${this.skips.length} skipped`;
  }

  /** The skips by cause, the most frequent first: a line a cause, its tests below. */
  skipReport() {
    const byCause = new Map();
    for (const { name, cause } of this.skips) byCause.set(cause, [...(byCause.get(cause) ?? []), name]);
    return [...byCause]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(
        ([cause, names]) =>
          `  ${names.length} x ${cause}\n${names.map((name) => `      ${name}`).join('\n')}`,
      )
      .join('\n');
  }
}
