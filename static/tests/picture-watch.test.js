import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameCodeBits } from '../page/check/frame-code.js';
import { PictureWatch } from '../page/check/picture-watch.js';
import { SelfCheck } from '../page/check/self-check.js';

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
  assert.ok(given.every(({ taken, cut }) => taken === 'together' && !cut));
  return given.map(({ pixels, mediaTime }) => [pixels, mediaTime]);
}

test('pixels and time are those of one picture, whatever was announced and whether the browser crops', () => {
  for (const crops of [true, false]) {
    assert.deepEqual(
      watch({ crops, pictures: [{ code: 30, time: 1 }, { code: 32, time: 1.0625, announced: 1.03125 }] }),
      [[30, 1], [32, 1.0625]],
    );
  }
});

test('a picture that was not drawn is not known: what was drawn before is not read again', () => {
  for (const crops of [true, false]) {
    const pictures = [{ code: 30, time: 1 }, { code: 31, time: 1.03125, drawn: false }, { code: 32, time: 1.0625 }];
    assert.deepEqual(watch({ crops, pictures }), [[30, 1], [null, 1.03125], [32, 1.0625]]);
  }
});

// A browser that plays 30 frames a second from 0 on, whose VideoFrames draw frame stale(n) where n is on screen, and may be
// cut at the place that was sought, as WebKit's are. A paused video shows the frame that a seek went to.
class FakeVideo extends EventTarget {
  constructor(stale = (n) => n, cuts = true) {
    super();
    Object.assign(this, { videoWidth: 320, videoHeight: 180, paused: false, seeking: false, time: 0, begin: 0, stale, cuts, stops: 0 });
    const video = this;
    globalThis.OffscreenCanvas = FakeCanvas;
    globalThis.requestAnimationFrame = (f) => setImmediate(f, 0);
    // Its own clock: a reading costs nothing, and every picture is read.
    this.now = 0;
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => video.now } });
    globalThis.VideoFrame = class {
      constructor() {
        Object.assign(this, { timestamp: Math.floor(video.begin * 1e6), code: video.stale(video.frame), drawn: true });
      }

      close() {}
    };
  }

  get frame() {
    return Math.floor(this.time * 30 + 1e-6);
  }

  get code() {
    return this.frame;
  }

  get drawn() {
    return true;
  }

  get currentTime() {
    return this.time;
  }

  set currentTime(time) {
    this.#show(time, this.cuts ? time : Math.floor(time * 30 + 1e-6) / 30);
    this.seeking = true;
    this.dispatchEvent(new Event('seeking'));
    setImmediate(() => {
      this.seeking = false;
      this.dispatchEvent(new Event('seeked'));
      this.#announce();
    });
  }

  requestVideoFrameCallback(f) {
    this.callback = f;
  }

  pause() {
    this.paused = true;
    this.stops++;
  }

  async play() {
    this.paused = false;
  }

  #show(time, begin) {
    Object.assign(this, { time, begin });
  }

  #announce() {
    this.callback(0, { mediaTime: this.begin, presentedFrames: 0 });
  }

  // Plays so many frames, and lets what waits for the display run after each.
  async run(frames) {
    for (let i = 0; i < frames; i++) {
      const next = (this.frame + 1) / 30;
      this.now += 1000 / 30;
      if (!this.paused && !this.seeking) {
        this.#show(next, next);
        this.#announce();
      }
      await new Promise(setImmediate);
    }
  }
}

// The self-check of a video whose labels are so many frames off.
function checked(video, off = 0) {
  const label = (t) => (Math.abs(t * 30 - Math.round(t * 30)) <= 0.4 ? Math.round(t * 30) + off : null);
  const check = new SelfCheck(video, { frameAt: label, recordAt: (t) => (label(t) === null ? null : { frame: label(t) }), fps: () => 30 });
  check.start();
  return check;
}

test('one picture that is drawn as the one before is not known, and never wrong', async () => {
  const video = new FakeVideo((n) => (n === 20 ? 19 : n));
  const check = checked(video);
  await video.run(100);
  assert.equal(video.stops, 1);
  assert.equal(video.paused, false);
  assert.equal(check.errors, 0);
  assert.equal(check.unknown, 1);
  assert.ok(check.exact > 80, `${check.exact} are exact`);
});

test('labels that are one frame off are wrong after one stop, and so is one picture of another number', async () => {
  for (const off of [-1, 1]) {
    const video = new FakeVideo();
    const check = checked(video, off);
    await video.run(100);
    assert.equal(video.stops, 1);
    assert.equal(check.exact, 0);
    assert.ok(check.errors > 80, `${check.errors} are wrong`);
  }
  const video = new FakeVideo();
  Object.defineProperty(video, 'code', { get() { return this.frame === 20 ? 12 : this.frame; } });
  video.stale = () => video.code;
  const check = checked(video);
  await video.run(100);
  assert.equal(video.stops, 1);
  assert.deepEqual(check.history.filter((s) => s.verdict === 'wrong').map((s) => [s.pixels, s.sei]), [[12, 20], [12, 20]]);
});

test('the first picture after a seek may have the place that was sought as its time: its labels are not known', async () => {
  for (const paused of [false, true]) {
    for (let i = 0; i < 20; i++) {
      const video = new FakeVideo();
      const check = checked(video);
      await video.run(50);
      if (paused) video.pause();
      video.currentTime = (30 + i / 20) / 30;
      await video.run(5);
      assert.equal(check.errors, 0, `${i / 20} frames into a picture`);
      const after = check.history.find((s) => s.taken === 'together' && s.mediaTime === Math.floor((30 + i / 20) / 30 * 1e6) / 1e6 && s.verdict === 'unknown');
      assert.deepEqual([after?.pixels, after?.sei, after?.media], [30, null, null]);
    }
  }
});

test('a picture on which the user has stopped is read again, and stays stopped', async () => {
  for (const [stale, off, verdict] of [[-1, 0, 'unknown'], [0, 1, 'wrong']]) {
    const video = new FakeVideo((n) => n + stale, false);
    video.pause();
    const check = checked(video, off);
    video.currentTime = 40.3 / 30;
    await video.run(20);
    assert.deepEqual([video.stops, video.paused, video.frame], [2, true, 40]);
    assert.deepEqual(check.history.map((s) => s.verdict), [verdict, stale ? 'exact' : 'wrong']);
  }
});
