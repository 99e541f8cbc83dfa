/** A recording read back, step by step. */
import { type SightParameters, type TrafficStep, VnetError } from '../../core/index.js';
import { RecordReader } from '../../vttif/index.js';
import { readLines } from '../system/index.js';

export interface RecordedStep {
  step: TrafficStep;
  /** Those of the recording. */
  parameters: SightParameters;
}

/**
 * In order.
 * @param path `-`: standard input; a name that ends in .gz is unpacked
 * @throws VnetError with file and line for what cannot be read, and for an empty file
 */
export async function* recordedSteps(path: string): AsyncGenerator<RecordedStep> {
  const reader = new RecordReader();
  for await (const line of readLines(path)) {
    const step = readStep(reader, line, path);
    if (step && reader.header) yield { step, parameters: reader.header.parameters };
  }
  if (!reader.header)
    throw new VnetError('VNET_ERR_INVALID', `${path} is empty`, { hint: '`vnet record FILE` writes one' });
}

function readStep(reader: RecordReader, line: string, path: string): TrafficStep | undefined {
  try {
    return reader.read(line);
  } catch (thrown) {
    const { code, message } = VnetError.from(thrown);
    throw new VnetError(code, `${path}: ${message}`, {
      hint: '`vnet record FILE` writes recordings',
      cause: thrown,
    });
  }
}
