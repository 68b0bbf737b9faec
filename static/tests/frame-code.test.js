import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_FRAME, frameChecksum, frameCodeBits, frameFromBits, readFrameCode } from '../page/check/frame-code.js';

// A strip painted as the generator paints it: integer floors at the cells' edges.
function paint(n, width, height, black = 16, white = 235) {
  const bits = frameCodeBits(n);
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const row = [0, 1].findLast((r) => y >= Math.floor((r * height) / 2));
      const column = Array.from({ length: 32 }, (_, c) => c).findLast((c) => x >= Math.floor((c * width) / 32));
      rgba.fill(bits[row * 32 + column] ? white : black, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return rgba;
}

test('the checksum is CRC-16/CCITT-FALSE', () => {
  // 0x29B1 over "123456789" is the value that catalogues of checksums give for it.
  assert.equal(frameChecksum(0), reference([0, 0, 0, 0, 0, 0]));
  assert.equal(frameChecksum(0x0102030405), reference([0, 1, 2, 3, 4, 5]));
  assert.equal(reference([...'123456789'].map((c) => c.charCodeAt(0))), 0x29b1);
});

// Bit by bit, as the definition says it.
function reference(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const top = (crc >> 15) ^ ((byte >> bit) & 1);
      crc = (crc << 1) & 0xffff;
      if (top & 1) crc ^= 0x1021;
    }
  }
  return crc;
}

test('every number comes back, at several sizes and levels', () => {
  for (const n of [0, 1, 2, 29, 30, 107892, 2 ** 31, 2 ** 32 + 5, 2 ** 43, MAX_FRAME]) {
    assert.equal(frameFromBits(frameCodeBits(n)), n);
    for (const [width, height] of [[64, 4], [256, 16], [320, 20], [427, 27], [640, 40]]) {
      assert.equal(readFrameCode(paint(n, width, height), width, height), n, `${n} at ${width}x${height}`);
    }
    assert.equal(readFrameCode(paint(n, 256, 16, 60, 180), 256, 16), n, `${n} with little contrast`);
  }
});

test('one wrong cell is no number, never another one', () => {
  const bits = frameCodeBits(123456);
  for (let i = 0; i < bits.length; i++) {
    const wrong = [...bits];
    wrong[i] ^= 1;
    assert.equal(frameFromBits(wrong), null, `cell ${i}`);
  }
});

test('what is no code has no number', () => {
  const size = 256 * 16 * 4;
  const cases = {
    black: new Uint8ClampedArray(size),
    white: new Uint8ClampedArray(size).fill(255),
    'too little contrast': paint(77, 256, 16, 100, 150),
    inverted: paint(77, 256, 16, 235, 16),
    noise: Uint8ClampedArray.from({ length: size }, (_, i) => (i * 2654435761) >>> 24),
  };
  for (const [name, rgba] of Object.entries(cases)) assert.equal(readFrameCode(rgba, 256, 16), null, name);
  assert.equal(readFrameCode(new Uint8ClampedArray(10), 256, 16), null, 'too few pixels');
  assert.equal(readFrameCode(paint(1, 64, 4), 32, 2), null, 'too small');
});

test('a number out of range is refused', () => {
  for (const n of [-1, 1.5, MAX_FRAME + 1, NaN]) assert.throws(() => frameCodeBits(n), RangeError);
});
