// The frame code: a strip over the full width and the top ninth of the picture that carries the frame number.
//
// Two rows of 32 cells, black (0) or white (1), 64 bits in all, row 0 first, left to right:
//
//   row 0:  1 0  then the top 30 bits of the 60-bit word
//   row 1:  0 1  then the low 30 bits
//
// The word is the frame number n (44 bits, most significant bit first) and CRC-16/CCITT-FALSE (polynomial 0x1021,
// initial value 0xFFFF) over n written as 6 bytes, most significant first. The first two cells of each row are
// known, so they give the levels of black and white in this very picture and the threshold half way between.
//
// A cell's value is the mean of its middle half, which keeps clear of what scaling and coding do to its edges.
// A strip whose sync cells or checksum do not hold has no number: readFrameCode then returns null, never a guess.

const COLUMNS = 32;
const ROWS = 2;

// Black and white must lie this far apart (of 255), or the picture does not show a code at all.
const MIN_CONTRAST = 64;

// A frame number has 44 bits: 2^44 frames are 9290 years at 60 frames a second, and exact in a double.
export const MAX_FRAME = 2 ** 44 - 1;

/** CRC-16/CCITT-FALSE over n as six bytes, most significant first. */
export function frameChecksum(n) {
  let crc = 0xffff;
  for (let shift = 40; shift >= 0; shift -= 8) {
    crc ^= (Math.floor(n / 2 ** shift) & 0xff) << 8;
    for (let i = 0; i < 8; i++) {
      crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
  }
  return crc;
}

/** The 64 cells of frame n as zeros and ones: row 0, then row 1. */
export function frameCodeBits(n) {
  if (!Number.isInteger(n) || n < 0 || n > MAX_FRAME) throw new RangeError(`frame ${n} is not in 0 to 2^44-1`);
  const word = (BigInt(n) << 16n) | BigInt(frameChecksum(n));
  const bits = [...word.toString(2).padStart(60, '0')].map(Number);
  return [1, 0, ...bits.slice(0, 30), 0, 1, ...bits.slice(30)];
}

/** The frame number that 64 cells carry, or null if sync or checksum do not hold. */
export function frameFromBits(bits) {
  if (bits.length !== ROWS * COLUMNS) return null;
  if (bits[0] !== 1 || bits[1] !== 0 || bits[COLUMNS] !== 0 || bits[COLUMNS + 1] !== 1) return null;
  const word = [...bits.slice(2, COLUMNS), ...bits.slice(COLUMNS + 2)];
  const number = (part) => part.reduce((v, bit) => v * 2 + bit, 0);
  const n = number(word.slice(0, 44));
  return number(word.slice(44)) === frameChecksum(n) ? n : null;
}

/**
 * Reads the code from the strip, a picture of the top ninth only.
 * @param {Uint8ClampedArray|Uint8Array} rgba four bytes a pixel, as canvas gives them; the code is grey, green is read
 * @param {number} width of the strip in pixels, at least 64
 * @param {number} height of the strip in pixels, at least 4
 * @returns {number|null} the frame number, or null where no code can be read
 */
export function readFrameCode(rgba, width, height) {
  if (width < 2 * COLUMNS || height < 2 * ROWS || rgba.length < width * height * 4) return null;
  const means = [];
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) means.push(cellMean(rgba, width, height, row, column));
  }
  const white = (means[0] + means[COLUMNS + 1]) / 2;
  const black = (means[1] + means[COLUMNS]) / 2;
  if (white - black < MIN_CONTRAST) return null;
  const threshold = (white + black) / 2;
  return frameFromBits(means.map((mean) => (mean > threshold ? 1 : 0)));
}

function cellMean(rgba, width, height, row, column) {
  const [x0, x1] = middleHalf(column, COLUMNS, width);
  const [y0, y1] = middleHalf(row, ROWS, height);
  let sum = 0;
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) sum += rgba[(y * width + x) * 4 + 1];
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

// The middle half of cell i of count, in pixels, at least one pixel wide.
function middleHalf(i, count, size) {
  const start = Math.floor((i * size) / count);
  const end = Math.floor(((i + 1) * size) / count);
  const quarter = Math.floor((end - start) / 4);
  return [start + quarter, Math.max(start + quarter + 1, end - quarter)];
}
