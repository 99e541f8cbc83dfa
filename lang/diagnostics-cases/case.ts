/** What the language says, to the letter. The line break after each opening quote is not part of the text. */
export interface Case {
  name: string;
  script: string;
  says: string;
  proxy?: string;
  readInclude?: (path: string) => string;
}

/** What includes find. */
export const FILES: Record<string, string> = { 'self.vnet': 'include "t.vnet"', 'paper.vnet': 'BEGIN END' };

export function readInclude(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error('no such file');
  return text;
}
