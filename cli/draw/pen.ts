/** The lines that drawings are made of, in both alphabets. */
export interface Pen {
  /** Along a row. */
  dash: string;
  /** Between rows. */
  bar: string;
  topLeft: string;
  topRight: string;
  bottomLeft: string;
  bottomRight: string;
  teeRight: string;
  corner: string;
  /** An edge that leaves on one side of the drawing and comes in on the other. */
  around: string;
  aroundDown: string;
}

export const UNICODE_PEN: Pen = {
  dash: '─',
  bar: '│',
  topLeft: '┌',
  topRight: '┐',
  bottomLeft: '└',
  bottomRight: '┘',
  teeRight: '├',
  corner: '└',
  around: '┄',
  aroundDown: '┆',
};

export const ASCII_PEN: Pen = {
  dash: '-',
  bar: '|',
  topLeft: '.',
  topRight: '.',
  bottomLeft: "'",
  bottomRight: "'",
  teeRight: '|',
  corner: '`',
  around: '~',
  aroundDown: ':',
};

export interface DrawStyle {
  pen: Pen;
  /** Characters a line may have. */
  columns: number;
  /** A VM as it stands in the drawing, colours included. */
  label: (vm: string) => string;
}
