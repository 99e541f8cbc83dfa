/** SVG as text: elements with escaped attributes and words, and nothing else. */

export type Attributes = Record<string, string | number>;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '');

/** Hundredths of a pixel are enough, and files stay the same between machines. */
const value = (given: string | number): string =>
  typeof given === 'number' ? String(Math.round(given * 100) / 100) : escape(given);

export function element(name: string, attributes: Attributes, children: readonly string[] = []): string {
  const words = Object.entries(attributes).map(([key, given]) => ` ${key}="${value(given)}"`);
  const head = `<${name}${words.join('')}`;
  return children.length === 0 ? `${head}/>` : `${head}>${children.join('')}</${name}>`;
}

export function words(text: string, attributes: Attributes): string {
  return element('text', attributes, [escape(text)]);
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string {
  return element('line', { x1, y1, x2, y2, ...attributes });
}
