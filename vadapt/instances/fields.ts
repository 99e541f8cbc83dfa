/** Reads JSON of a stranger's field by field: what is wrong is said with the file, the field and what it must be. */
import { VnetError } from '../../core/index.js';

const SHOWN_CHARS = 40;

/** A value and where it stands: `mesh.json: hosts[3].cpus`. */
export class Field {
  constructor(
    readonly file: string,
    readonly path: string,
    readonly value: unknown,
  ) {}

  /** @throws VNET_ERR_INVALID */
  fail(mustBe: string): never {
    const what = this.path === '' ? 'the file' : this.path;
    const is = this.value === undefined ? 'is missing' : `is ${shown(this.value)}`;
    throw new VnetError('VNET_ERR_INVALID', `${this.file}: ${what} ${is}; it must be ${mustBe}`, {
      hint: 'docs/instances.md has every field',
    });
  }

  get present(): boolean {
    return this.value !== undefined;
  }

  text(): string {
    return typeof this.value === 'string' && this.value !== '' ? this.value : this.fail('a text');
  }

  flag(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.fail('true or false');
  }

  /** Finite and at least 0. */
  amount(): number {
    return this.number(0, 'a number of at least 0');
  }

  number(least = -Number.MAX_VALUE, mustBe = 'a number'): number {
    const { value } = this;
    return typeof value === 'number' && Number.isFinite(value) && value >= least ? value : this.fail(mustBe);
  }

  list(): Field[] {
    if (!Array.isArray(this.value)) return this.fail('a list');
    return this.value.map((value, i) => new Field(this.file, `${this.path}[${i}]`, value));
  }

  texts(): string[] {
    return this.list().map((item) => item.text());
  }

  /** A shared capacity may name a million edges: fields are made only for what is wrong. */
  pairs(): [string, string][] {
    if (!Array.isArray(this.value)) return this.fail('a list');
    for (const [i, pair] of (this.value as unknown[]).entries())
      if (!isPair(pair)) new Field(this.file, `${this.path}[${i}]`, pair).fail('a pair of hosts, [from, to]');
    return this.value as [string, string][];
  }

  /** An object: its fields by name. A field that nobody knows is refused, since it is a slip of somebody's pen. */
  fields<Name extends string>(...names: Name[]): Record<Name, Field> {
    const entries = this.entries();
    for (const name of entries.keys())
      if (!names.includes(name as Name))
        throw new VnetError('VNET_ERR_INVALID', `${this.file}: ${this.at(name)} is no field of the format`, {
          hint: `there are ${names.join(', ')}`,
        });
    const fields = names.map((name) => [
      name,
      entries.get(name) ?? new Field(this.file, this.at(name), undefined),
    ]);
    return Object.fromEntries(fields) as Record<Name, Field>;
  }

  entries(): Map<string, Field> {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.fail('an object');
    return new Map(
      Object.entries(value).map(([name, field]) => [name, new Field(this.file, this.at(name), field)]),
    );
  }

  private at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((name) => typeof name === 'string');
}

/** `{ [name]: read(field) }`, or nothing where the field is absent: optional fields are absent, not undefined. */
export function optional<Name extends string, Value>(
  name: Name,
  field: Field,
  read: (field: Field) => Value,
): { [key in Name]?: Value } {
  return field.present ? ({ [name]: read(field) } as { [key in Name]: Value }) : {};
}

/** @throws VNET_ERR_INVALID with the file's name and the parser's words. */
export function parseJson(text: string, file: string): Field {
  try {
    return new Field(file, '', JSON.parse(text));
  } catch (thrown) {
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    throw new VnetError('VNET_ERR_INVALID', `${file} is no JSON: ${words}`, { cause: thrown });
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text;
}
