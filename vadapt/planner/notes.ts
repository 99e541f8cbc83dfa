/** What is missing or too old to decide by: gathered by kind, so that a hundred like paths make one sentence. */

/** Subjects that a sentence names; the others are counted. */
export const SUBJECTS_NAMED = 4;

export class Notes {
  readonly #subjects = new Map<string, Set<string>>();

  /** `text`: what is the matter, `%` where the subjects go. */
  add(text: string, subject?: string): void {
    const subjects = this.#subjects.get(text) ?? new Set();
    if (subject !== undefined) subjects.add(subject);
    this.#subjects.set(text, subjects);
  }

  list(): string[] {
    return [...this.#subjects].map(([text, subjects]) => {
      const named = [...subjects].slice(0, SUBJECTS_NAMED).join(', ');
      const more = subjects.size - SUBJECTS_NAMED;
      return text.replace('%', more > 0 ? `${named} and ${more} more` : named);
    });
  }
}
