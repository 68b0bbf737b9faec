// The self-check: which frame is on screen, told three times over, independently.
//
//   pixels  the frame code in the picture, read from the very pixels that are displayed
//   sei     the frame record in the stream, at this picture's presentation time
//   media   the player's media time, through PROGRAM-DATE-TIME and the frame rate
//
// All three must be the same number. What can't be known is null and counted as unknown; nothing is guessed.

import { readFrameCode } from './frame-code.js';

// The strip is scaled to this before it is read: 8 x 8 pixels a cell are plenty, and cheap to read back.
const STRIP_WIDTH = 256;
const STRIP_HEIGHT = 16;

export const HISTORY = 240;

// Reading may take this share of the time between frames; on a slower machine only every k-th frame is read.
const MAX_SHARE = 0.25;
const MAX_STRIDE = 8;

// Longer than between two frames of the slowest rate, on a machine that is busy.
const HOLD_MS = 400;

/**
 * Compares what is known of a frame's number.
 * @returns {{pixels, sei, media, error: number|null, verdict: 'exact'|'wrong'|'unknown'}} error is the largest
 *   difference between two that are known, in frames, null if fewer than two are. Exact needs all three.
 */
export function compare(pixels, sei, media) {
  const known = [pixels, sei, media].filter((n) => n !== null);
  const error = known.length < 2 ? null : Math.max(...known) - Math.min(...known);
  const verdict = error ? 'wrong' : known.length === 3 ? 'exact' : 'unknown';
  return { pixels, sei, media, error, verdict };
}

/** Events: "sample" (detail: the comparison, with mediaTime and the SEI's record). */
export class SelfCheck extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {{frameAt: (t: number) => number|null, recordAt: (t: number) => object|null}} source the current mapping
   */
  constructor(video, source) {
    super();
    this.video = video;
    this.source = source;
    this.samples = 0;
    this.exact = 0;
    this.errors = 0;
    this.unknown = 0;
    this.last = { pixels: null, sei: null, media: null, error: null };
    this.history = [];
    this.stride = 1;
    this.cost = 0;
    this.held = null;
    this.canvas = new OffscreenCanvas(STRIP_WIDTH, STRIP_HEIGHT);
    this.context = this.canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  }

  start() {
    if ('requestVideoFrameCallback' in HTMLVideoElement.prototype) this.#watchFrames();
    else this.#watchPaints();
  }

  /** A sample held back belongs to a source that is gone. */
  forget() {
    this.held = null;
  }

  #watchFrames() {
    let count = 0;
    let before = 0;
    const onFrame = (now, metadata) => {
      this.video.requestVideoFrameCallback(onFrame);
      const period = Math.min(now - before, 100);
      before = now;
      if (++count % this.stride && !this.video.paused) return;
      const started = performance.now();
      this.#sample(metadata.mediaTime);
      this.cost += (performance.now() - started - this.cost) / 16;
      if (count % 32 === 0) this.stride = Math.min(MAX_STRIDE, Math.max(1, Math.ceil(this.cost / (period * MAX_SHARE))));
    };
    this.video.requestVideoFrameCallback(onFrame);
  }

  // Without frame callbacks only a VideoFrame knows its own time; without that the media time is unknown.
  #watchPaints() {
    let shown = -1;
    const onPaint = () => {
      requestAnimationFrame(onPaint);
      if (this.video.readyState < 2 || this.video.seeking || this.video.currentTime === shown) return;
      shown = this.video.currentTime;
      this.#sample(null);
    };
    requestAnimationFrame(onPaint);
  }

  #sample(callbackTime) {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth || !videoHeight) return;
    const picture = grabStrip(this.video);
    try {
      const pixels = this.#read(picture ?? this.video, videoWidth, videoHeight);
      // A VideoFrame holds pixels and time of one and the same picture, whatever the compositor does meanwhile.
      const own = picture ? picture.timestamp / 1e6 : null;
      if (own !== null && (callbackTime === null || Math.abs(own - callbackTime) < 1)) {
        this.#settle(pixels, own);
      } else {
        this.#hold(pixels, callbackTime);
      }
    } finally {
      picture?.close();
    }
  }

  #read(picture, width, height) {
    const { context } = this;
    context.drawImage(picture, 0, 0, width, height / 9, 0, 0, STRIP_WIDTH, STRIP_HEIGHT);
    return readFrameCode(context.getImageData(0, 0, STRIP_WIDTH, STRIP_HEIGHT).data, STRIP_WIDTH, STRIP_HEIGHT);
  }

  // Drawn from the video itself, the pixels may already be the next frame's. So a sample waits for the next callback:
  // if that one's frame is the frame in the pixels, the picture had moved on, and its own number was not seen.
  #hold(pixels, mediaTime) {
    const { held } = this;
    clearTimeout(this.holdTimer);
    this.held = { pixels, mediaTime };
    // When nothing follows, as in a pause, the picture had not moved on.
    this.holdTimer = setTimeout(() => {
      const last = this.held;
      this.held = null;
      if (last) this.#settle(last.pixels, last.mediaTime);
    }, HOLD_MS);
    if (!held) return;
    const movedOn = held.pixels !== null && mediaTime !== null && held.pixels === this.source.frameAt(mediaTime);
    this.#settle(movedOn && mediaTime !== held.mediaTime ? null : held.pixels, held.mediaTime);
  }

  #settle(pixels, mediaTime) {
    const record = mediaTime === null ? null : this.source.recordAt(mediaTime);
    const media = mediaTime === null ? null : this.source.frameAt(mediaTime);
    const result = compare(pixels, record?.frame ?? null, media);
    this.samples++;
    if (result.verdict === 'exact') this.exact++;
    else if (result.verdict === 'wrong') this.errors++;
    else this.unknown++;
    this.last = { pixels, sei: result.sei, media, error: result.error };
    this.history.push({ verdict: result.verdict, error: result.error });
    if (this.history.length > HISTORY) this.history.shift();
    this.dispatchEvent(new CustomEvent('sample', { detail: { ...result, mediaTime, record } }));
  }
}

// The displayed picture's top with its time, where the browser offers that; null elsewhere. The rows are even in number,
// as subsampled chroma wants them, and cover the strip; only they are converted, which is ten times as fast as all.
function grabStrip(video) {
  if (typeof VideoFrame === 'undefined') return null;
  const visibleRect = { x: 0, y: 0, width: video.videoWidth, height: 2 * Math.ceil(video.videoHeight / 18) };
  try {
    return new VideoFrame(video, { visibleRect });
  } catch {
    return null;
  }
}
