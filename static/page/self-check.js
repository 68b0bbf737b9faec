// The self-check: which frame is on screen, found three times over, independently.
//
//   pixels  the frame code in the picture, read from the very pixels that are displayed
//   sei     the frame record in the stream, at this picture's presentation time
//   media   the player's media time, through PROGRAM-DATE-TIME and the frame rate
//
// All three must be the same number. What can't be known is null and counted as unknown; nothing is guessed.

import { PictureWatch } from './picture-watch.js';

export const HISTORY = 240;

// What the card says as a whole, it says of so many samples: one or two seconds.
const RECENT = 60;

// Where pixels and time had to be put together, so many pictures in a row must differ by the same number.
export const CONFIRMED = 8;

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

/**
 * Settles differences of pictures whose pixels and time were put together: a browser that breaks the order of its pictures
 * does so now and then, and a stream whose labels are wrong is so in picture after picture. So a difference between the
 * pixels and the rest is held back until CONFIRMED pictures in a row differ by the same number of frames; then all of them
 * are wrong, and those that follow. A picture that says otherwise makes those held back not known.
 */
export class Differences {
  constructor() {
    this.forget();
  }

  /**
   * @param {object} sample what compare gives
   * @param {boolean} still whether pixels and time were taken from one picture
   * @returns {object[]} the samples that are settled, in order
   */
  settle(sample, still) {
    if (still || sample.pixels === null || compare(null, sample.sei, sample.media).verdict === 'wrong') return [sample];
    const offset = sample.verdict === 'wrong' ? (sample.sei ?? sample.media) - sample.pixels : 0;
    const given = offset === this.offset ? [] : this.forget();
    this.offset = offset;
    this.inARow++;
    if (offset === 0) return [...given, sample];
    this.held.push(sample);
    if (this.inARow < CONFIRMED) return given;
    return [...given, ...this.held.splice(0)];
  }

  /** Gives up what is held back, and returns it: which picture was read is not known. */
  forget() {
    const given = (this.held ?? []).map((s) => ({ ...s, ...compare(null, s.sei, s.media) }));
    this.held = [];
    this.offset = 0;
    this.inARow = 0;
    return given;
  }
}

/**
 * What the last samples say together: wrong where one of them is, else exact where half of them are, else not known.
 * @param {object[]} history samples, the newest last
 * @returns {object|null} the newest sample that says so, null before the first one
 */
export function overall(history) {
  const recent = history.slice(-RECENT);
  const of = (verdict) => recent.filter((s) => s.verdict === verdict);
  const [wrong, exact, unknown] = [of('wrong'), of('exact'), of('unknown')];
  if (wrong.length > 0) return wrong.at(-1);
  return (exact.length >= unknown.length ? exact : unknown).at(-1) ?? null;
}

/** Events: "sample" (detail: the comparison, with mediaTime and the SEI's record). */
export class SelfCheck extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {{frameAt: (t: number) => number|null, recordAt: (t: number) => object|null}} source the current mapping
   */
  constructor(video, source) {
    super();
    this.source = source;
    this.samples = 0;
    this.exact = 0;
    this.errors = 0;
    this.unknown = 0;
    this.last = null;
    this.history = [];
    this.differences = new Differences();
    this.watch = new PictureWatch(video, (picture) => this.#check(picture));
  }

  /** False where the browser can't be watched: then nothing is known. */
  start() {
    return this.watch.start();
  }

  /** What was read last belongs to a source that is gone. */
  forget() {
    this.watch.forget();
    for (const sample of this.differences.forget()) this.#count(sample);
  }

  /** How many pictures there are for one that is checked. */
  get stride() {
    return this.watch.stride;
  }

  #check({ pixels, mediaTime, still }) {
    const record = this.source.recordAt(mediaTime);
    const sample = { ...compare(pixels, record?.frame ?? null, this.source.frameAt(mediaTime)), mediaTime, record };
    for (const settled of this.differences.settle(sample, still)) this.#count(settled);
  }

  #count(sample) {
    this.samples++;
    if (sample.verdict === 'exact') this.exact++;
    else if (sample.verdict === 'wrong') this.errors++;
    else this.unknown++;
    this.last = sample;
    this.history.push(sample);
    if (this.history.length > HISTORY) this.history.shift();
    this.dispatchEvent(new CustomEvent('sample', { detail: sample }));
  }
}
