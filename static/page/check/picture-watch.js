// Watches the pictures of a video: the number in the pixels of each, and its media time, of one and the same picture.
//
// What browsers give, measured: in Chromium and WebKit a VideoFrame made from the video holds the pixels and the media time
// of one picture, whatever the compositor does meanwhile. Firefox's VideoFrame holds no media time: there the pictures that
// requestVideoFrameCallback announces and the pixels that are on screen are put together by their order. WebKit and Firefox
// cut off what of a picture lies before the place that was sought: the first picture after a seek has that place as its time.

import { readFrameCode } from './frame-code.js';
import { PictureOrder } from './picture-order.js';

// The strip is scaled to this before it is read: 8 x 8 pixels a cell are plenty, and cheap to read back. It is the top
// ninth of the picture.
const STRIP_WIDTH = 256;
const STRIP_HEIGHT = 16;

// Reading may take this share of the time; on a slower machine some pictures are not read.
const MAX_SHARE = 0.25;

// A VideoFrame's time is rounded to a microsecond.
const ROUNDING_S = 2e-6;

// The picture may have moved on since it was announced, by as long as a busy page keeps the callback waiting.
const MAX_LATE_S = 2;

// Firefox cuts times to milliseconds, against spying.
const CLOCK_MS = 1;

// Now and then Firefox announces the last picture that it has decoded, eight or ten before it is shown. The player's time
// runs beside its pictures by less than this.
const MAX_AHEAD_FRAMES = 6;

// So many rendering updates after a seek the picture that it shows is on screen.
const STILL_UPDATES = 5;

// Where a seek takes longer than this, the stream plays on all the same. A busy machine takes seconds.
const STOP_MS = 5000;

// A stop is seen: after one there is not another for the first of these times, after one in vain for the second.
const STOP_EVERY_MS = 20_000;
const STOP_AGAIN_MS = 3000;

// Over so many pictures the share of those that are read is taken: two seconds or more.
const STRIDE_OVER = 96;

// Where pictures come as fast as the display shows them, a second reading late in the time between two updates sees the
// change from one to the next.
const LATE_READING_MS = 12;

/**
 * Whether a VideoFrame's time is the media time of its picture, by the picture that was announced; null where both are
 * so near to zero that it can't be told.
 */
export function ownsItsTime(own, announced) {
  if (own < ROUNDING_S && announced < 1) return announced > ROUNDING_S ? false : null;
  return own >= announced - ROUNDING_S && own < announced + MAX_LATE_S;
}

export class PictureWatch {
  /**
   * @param {HTMLVideoElement} video
   * @param {() => number} fps frames a second
   * @param {(picture: {pixels: number|null, mediaTime: number, cut: boolean, taken: string}) => void} onPicture called for
   *   each picture that was read, in order; pixels is the number in it, null where it can't be read or is not known to be of
   *   this picture; cut says that mediaTime may be where a seek went, somewhere in the picture, and not the picture's own;
   *   taken is how pixels and time were: "apart", "together", or "still", which is beyond doubt: while it stood still
   */
  constructor(video, fps, onPicture) {
    this.video = video;
    this.fps = fps;
    this.onPicture = onPicture;
    this.order = null;
    this.cropped = true;
    this.cost = 0;
    this.lastReading = -Infinity;
    this.sought = null;
    this.nextStop = 0;
    this.stopping = false;
    this.standing = 0;
    this.stride = 1;
    this.seen = { from: 0, read: 0 };
    this.context = new OffscreenCanvas(STRIP_WIDTH, STRIP_HEIGHT).getContext('2d', { willReadFrequently: true, alpha: false });
  }

  /** False where the browser does not announce pictures: then nothing is known. */
  start() {
    const { video } = this;
    if (!('requestVideoFrameCallback' in video)) return false;
    const onFrame = (now, metadata) => {
      video.requestVideoFrameCallback(onFrame);
      this.#countSeen(metadata.presentedFrames);
      if (this.order) this.#announce(metadata);
      else if (!this.stopping && (video.paused || this.#affordable())) this.#readFrame(metadata.mediaTime);
    };
    video.requestVideoFrameCallback(onFrame);
    video.addEventListener('seeking', () => {
      this.sought = video.currentTime;
      this.forget();
    });
    return true;
  }

  /** What was announced belongs to a source that is gone, or to another place. */
  forget() {
    this.order?.clear();
  }

  // How many pictures were handed to the display for one that was read, over some seconds.
  #countSeen(presented) {
    const all = presented - this.seen.from;
    if (all >= 0 && all < STRIDE_OVER) return;
    if (all > 0) this.stride = Math.max(1, Math.round(all / Math.max(1, this.seen.read)));
    this.seen = { from: presented, read: 0 };
  }

  #give(picture) {
    this.seen.read++;
    this.onPicture(picture);
  }

  #affordable() {
    return performance.now() - this.lastReading >= this.cost / MAX_SHARE;
  }

  // Does a reading and learns what it costs.
  #measured(read) {
    this.lastReading = performance.now();
    const result = read();
    // A machine that is busy with something else makes a reading seem slow: it is the fast ones that count.
    const cost = performance.now() - this.lastReading;
    this.cost += (cost - this.cost) / (cost < this.cost ? 4 : 64);
    return result;
  }

  #readFrame(announced) {
    if (typeof VideoFrame === 'undefined') {
      this.#watchOrder();
      return;
    }
    const picture = this.#measured(() => this.#pictureOf(announced));
    if (picture === false) this.#watchOrder();
    else if (picture) this.#give(picture);
  }

  // The picture with its own time; false where the browser gives none, null where there is no picture.
  #pictureOf(announced) {
    const frame = this.#grab(this.cropped);
    if (!frame) return null;
    const mediaTime = frame.timestamp / 1e6;
    const own = ownsItsTime(mediaTime, announced);
    if (!own) {
      frame.close();
      return own;
    }
    let pixels = this.#readClosing(frame, this.cropped);
    if (pixels === null && this.cropped) {
      // WebKit draws all of a picture that is cropped.
      const whole = this.#grab(false);
      if (whole) {
        const at = whole.timestamp / 1e6;
        pixels = this.#readClosing(whole, false);
        this.cropped = pixels === null;
        return this.#together(pixels, at);
      }
    }
    return this.#together(pixels, mediaTime);
  }

  #together(pixels, mediaTime) {
    return { pixels, mediaTime, cut: this.#isSought(mediaTime), taken: 'together' };
  }

  #isSought(mediaTime) {
    return this.sought !== null && Math.abs(mediaTime - this.sought) < ROUNDING_S;
  }

  // Cropped, only the top is converted, which is ten times as fast. Its rows are even in number, as subsampled chroma wants.
  #grab(cropped) {
    const { video } = this;
    if (!video.videoWidth || !video.videoHeight) return null;
    const visibleRect = { x: 0, y: 0, width: video.videoWidth, height: 2 * Math.ceil(video.videoHeight / 18) };
    try {
      return new VideoFrame(video, cropped ? { visibleRect } : {});
    } catch {
      return null;
    }
  }

  #readClosing(frame, cropped) {
    const shown = cropped ? (2 * Math.ceil(this.video.videoHeight / 18) * 9) / this.video.videoHeight : 9;
    try {
      // No part of the source is named: WebKit does not draw a part of a VideoFrame.
      return this.#readStrip(frame, 0, 0, STRIP_WIDTH, STRIP_HEIGHT * shown);
    } finally {
      frame.close();
    }
  }

  // Draws, with drawImage's arguments, and reads what was drawn. A busy WebKit may draw nothing, and report no error: what
  // was there before must not be read again.
  #readStrip(...source) {
    this.context.clearRect(0, 0, STRIP_WIDTH, STRIP_HEIGHT);
    this.context.drawImage(...source);
    return readFrameCode(this.context.getImageData(0, 0, STRIP_WIDTH, STRIP_HEIGHT).data, STRIP_WIDTH, STRIP_HEIGHT);
  }

  #announce({ mediaTime, expectedDisplayTime }) {
    this.updates = 0;
    if ((mediaTime - this.video.currentTime) * this.order.fps > MAX_AHEAD_FRAMES) this.order.clear();
    else this.order.announce(mediaTime, expectedDisplayTime);
  }

  // From now on the order says which picture is on screen. Updates run after the announcements of the same rendering.
  #watchOrder() {
    const order = new PictureOrder(this.fps());
    this.order = order;
    this.updates = 0;
    const onUpdate = (now) => {
      requestAnimationFrame(onUpdate);
      for (const picture of order.update(now)) {
        this.#give({ ...picture, cut: this.#isSought(picture.mediaTime), taken: 'apart' });
      }
      const newest = order.announced.at(-1);
      if (!newest || this.video.seeking) return;
      this.updates++;
      this.#readOrder();
      setTimeout(() => this.#readOrder(), LATE_READING_MS);
    };
    requestAnimationFrame(onUpdate);
  }

  /**
   * Stops for a moment, in the middle of a picture, and reads it anew: a seek shows the picture that covers its time, so
   * which one it is is beyond doubt.
   * @param {number} mediaTime when the picture begins
   */
  async stop(mediaTime) {
    const { video } = this;
    if (this.stopping || this.standing || video.seeking || performance.now() < this.nextStop) return;
    const { paused } = video;
    const middle = mediaTime + 0.5 / this.fps();
    // Where the user has stopped on another picture, that one stays.
    if (paused && Math.abs(video.currentTime - middle) * this.fps() > 1) return;
    this.stopping = true;
    const pixels = await this.still(middle);
    this.stopping = false;
    this.nextStop = performance.now() + (pixels === null ? STOP_AGAIN_MS : STOP_EVERY_MS);
    if (!paused) video.play().catch(() => {});
    if (pixels !== null) this.#give({ pixels, mediaTime, cut: false, taken: 'still' });
  }

  /**
   * Stops at a time and reads the picture that is on screen then.
   * @param {number} time in the middle of a picture
   * @returns {Promise<number|null>} the number in the picture; null where it can't be read, or where it did not stay so long
   */
  async still(time) {
    const { video } = this;
    this.standing++;
    video.pause();
    await this.#seek(time);
    for (let i = 0; i < STILL_UPDATES; i++) await new Promise(requestAnimationFrame);
    this.standing--;
    const stood = video.paused && !video.seeking && Math.abs(video.currentTime - time) < ROUNDING_S;
    return stood ? this.#measured(() => this.#readScreen()) : null;
  }

  #seek(time) {
    const { video } = this;
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, STOP_MS);
      video.addEventListener('seeked', () => {
        clearTimeout(limit);
        resolve();
      }, { once: true });
      video.currentTime = time;
    });
  }

  #readOrder() {
    const { video, order } = this;
    const stopped = video.paused && this.updates >= STILL_UPDATES;
    if (stopped || video.seeking || !this.#affordable()) return;
    const pixels = this.#measured(() => this.#readScreen());
    order.read(pixels, performance.now() + CLOCK_MS);
  }

  #readScreen() {
    const { videoWidth, videoHeight } = this.video;
    return this.#readStrip(this.video, 0, 0, videoWidth, videoHeight / 9, 0, 0, STRIP_WIDTH, STRIP_HEIGHT);
  }
}
