import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameCodeBits } from '../page/frame-code.js';
import { PictureWatch } from '../page/picture-watch.js';

// A canvas that shows the code of the last picture that was drawn.
class FakeCanvas {
  constructor(width, height) {
    Object.assign(this, { width, height, shown: null });
  }

  getContext() {
    return this;
  }

  clearRect() {
    this.shown = null;
  }

  drawImage(frame) {
    if (frame.drawn) this.shown = frame.code;
  }

  getImageData() {
    const { width, height, shown } = this;
    const data = new Uint8ClampedArray(width * height * 4);
    if (shown === null) return { data };
    const bits = frameCodeBits(shown);
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      data.fill(bits[Math.floor((y * 2) / height) * 32 + Math.floor((x * 32) / width)] ? 235 : 16, i * 4, i * 4 + 4);
    }
    return { data };
  }
}

// A browser whose VideoFrames are drawn whole, or cropped too, or now and then not at all.
function watch({ crops, pictures }) {
  let callback;
  let now;
  globalThis.OffscreenCanvas = FakeCanvas;
  globalThis.VideoFrame = class {
    constructor(video, { visibleRect }) {
      this.timestamp = now.time * 1e6;
      this.code = now.code;
      this.drawn = now.drawn && (crops || !visibleRect);
    }

    close() {}
  };
  const video = {
    videoWidth: 320, videoHeight: 180, paused: true, addEventListener() {},
    requestVideoFrameCallback(f) { callback = f; },
  };
  const given = [];
  new PictureWatch(video, () => 30, (p) => given.push(p)).start();
  for (const [i, picture] of pictures.entries()) {
    now = { drawn: true, ...picture };
    callback(i, { mediaTime: picture.announced ?? picture.time, presentedFrames: i });
  }
  return given.map(({ pixels, mediaTime, still }) => [pixels, mediaTime, still]);
}

test('pixels and time are those of one picture, whatever was announced and whether the browser crops', () => {
  for (const crops of [true, false]) {
    assert.deepEqual(
      watch({ crops, pictures: [{ code: 30, time: 1 }, { code: 32, time: 1.0625, announced: 1.03125 }] }),
      [[30, 1, true], [32, 1.0625, true]],
    );
  }
});

test('a picture that was not drawn is not known: what was drawn before is not read again', () => {
  for (const crops of [true, false]) {
    const pictures = [{ code: 30, time: 1 }, { code: 31, time: 1.03125, drawn: false }, { code: 32, time: 1.0625 }];
    assert.deepEqual(watch({ crops, pictures }), [[30, 1, true], [null, 1.03125, true], [32, 1.0625, true]]);
  }
});
