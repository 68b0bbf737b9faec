// The self-check: which frame is on screen, found three times over, independently.
//
//   pixels  the frame code in the picture, read from the very pixels that are displayed
//   sei     the frame record in the stream, at this picture's presentation time
//   media   the player's media time, through PROGRAM-DATE-TIME and the frame rate
//
// All three must be the same number. What can't be known is null and counted as unknown; nothing is guessed. On a faulty twin what is not
// so is held against the truth about its faults first.

import { PictureWatch } from './picture-watch.js';

export const HISTORY = 240;

// What the card says as a whole, it says of so many samples: one or two seconds.
const RECENT = 60;

// The truth about a twin's faults is asked for every second: this is many times what comes meanwhile.
const MAX_WAITING = 1000;

// Where pixels and time had to be put together, so many differences among the last samples raise a doubt. Where they were
// taken together one does.
export const DOUBTS = 6;

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
 * Settles differences in moving pictures: a busy browser now and then breaks the order of its pictures, or draws another one
 * than that whose time it gives. Such a difference is held back. A picture that stands still settles it: where that one
 * differs by as many frames, those held back are wrong, and moving ones that differ so from then on; where it is exact,
 * which pictures were read is not known.
 */
export class Differences {
  constructor() {
    this.held = [];
    this.age = 0;
    // By how many frames the picture that stood still last differs, null before the first.
    this.confirmed = null;
  }

  /** The sample whose picture should stand still, null where there is no doubt. */
  get doubtful() {
    const last = this.held.at(-1);
    return last && (last.taken === 'together' || this.held.length >= DOUBTS) ? last : null;
  }

  /**
   * @param {object} sample what compare gives, with how pixels and time were taken, as PictureWatch says
   * @returns {object[]} the samples that are settled, in order
   */
  settle(sample) {
    const offset = sample.pixels === null ? null : (sample.sei ?? sample.media ?? sample.pixels) - sample.pixels;
    if (sample.taken === 'still') {
      if (offset !== null) this.confirmed = offset;
      return [...this.forget(), sample];
    }
    const labelsDiffer = compare(null, sample.sei, sample.media).verdict === 'wrong';
    if (sample.verdict === 'wrong' && !labelsDiffer && offset !== this.confirmed) {
      this.held.push(sample);
      return this.held.length > DOUBTS ? [unsettled(this.held.shift())] : [];
    }
    // What has been followed by so many that agree is no doubt any more.
    if (sample.verdict === 'exact' && this.held.length > 0 && ++this.age >= RECENT) return [...this.forget(), sample];
    return [sample];
  }

  /** Gives up what is held back, and returns it, settled by what stood still last. */
  forget() {
    const given = this.held.map((s) => ((s.sei ?? s.media) - s.pixels === this.confirmed ? s : unsettled(s)));
    this.held = [];
    this.age = 0;
    return given;
  }
}

// The sample where it is not known which picture was read.
const unsettled = (s) => ({ ...s, ...compare(null, s.sei, s.media) });

/**
 * What the last samples say together: wrong where one of them is, else what most of them are: exact, faulty as labelled, or not known.
 * @param {object[]} history samples, the newest last
 * @returns {object|null} the newest sample that says so, null before the first one
 */
export function overall(history) {
  const recent = history.slice(-RECENT);
  const of = (verdict) => recent.filter((s) => s.verdict === verdict);
  const [wrong, exact, faulty, unknown] = ['wrong', 'exact', 'faulty', 'unknown'].map(of);
  if (wrong.length > 0) return wrong.at(-1);
  return [exact, faulty, unknown].reduce((a, b) => (b.length > a.length ? b : a)).at(-1) ?? null;
}

/** Events: "sample" (detail: the comparison, with mediaTime and the SEI's record). */
export class SelfCheck extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {{frameAt: (t: number) => number|null, recordAt: (t: number) => object|null}} source the current mapping,
   *   fps: () => number, and, where there are faults, judge(sample): the sample with the verdict by the faults of a twin, null where that is not known yet
   */
  constructor(video, source) {
    super();
    this.source = { judge: (sample) => sample, ...source };
    this.samples = 0;
    this.exact = 0;
    this.errors = 0;
    this.unknown = 0;
    this.faulty = 0;
    // Samples of which it is not known yet whether a fault explains them.
    this.waiting = [];
    this.last = { pixels: null, sei: null, media: null, error: null };
    this.history = [];
    this.differences = new Differences();
    this.watch = new PictureWatch(video, source.fps, (picture) => this.#check(picture));
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

  #check({ pixels, mediaTime, cut, taken }) {
    // A time that may not be the picture's own finds no labels.
    const record = cut ? null : this.source.recordAt(mediaTime);
    const media = cut ? null : this.source.frameAt(mediaTime);
    const at = performance.now();
    this.waiting.push({ ...compare(pixels, record?.frame ?? null, media), mediaTime, record, taken, at });
    if (this.waiting.length > MAX_WAITING) this.#settle(this.waiting.shift());
    this.judge();
  }

  /** Judges what waits, as far as more is known now. */
  judge() {
    while (this.waiting.length > 0) {
      const judged = this.source.judge(this.waiting[0]);
      if (!judged) return;
      this.waiting.shift();
      this.#settle(judged);
    }
  }

  #settle(sample) {
    if (sample.verdict === 'faulty') {
      this.#count(sample);
      return;
    }
    for (const settled of this.differences.settle(sample)) this.#count(settled);
    const { doubtful } = this.differences;
    if (doubtful) this.watch.stop(doubtful.mediaTime);
  }

  #count(sample) {
    this.samples++;
    if (sample.verdict === 'exact') this.exact++;
    else if (sample.verdict === 'wrong') this.errors++;
    else if (sample.verdict === 'faulty') this.faulty++;
    else this.unknown++;
    this.last = { pixels: sample.pixels, sei: sample.sei, media: sample.media, error: sample.error };
    this.history.push(sample);
    if (this.history.length > HISTORY) this.history.shift();
    this.dispatchEvent(new CustomEvent('sample', { detail: sample }));
  }
}
