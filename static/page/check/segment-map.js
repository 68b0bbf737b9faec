// Maps between the player's media time and frame numbers through the playlist's PROGRAM-DATE-TIME.
//
// A segment's date-time gives the number of its first frame; from there frames are counted by the frame rate. Media
// sequence numbers and durations take no part, so a gap, a discontinuity or a window that moved can't shift anything.

import { MAX_RESIDUAL } from '../clocks.js';

export class SegmentMap {
  /**
   * @param {StreamClock} clock
   * @param {{start: number, end: number, utc: bigint|null, gap: boolean}[]} segments in media time (s), in order; a
   *   segment without a date-time, or whose date-time is no frame's, maps nothing
   */
  constructor(clock, segments) {
    this.clock = clock;
    this.segments = segments
      .map((s) => ({ ...s, first: s.utc === null ? null : clock.frameAtUtc(s.utc) }))
      .filter((s) => s.first !== null && s.end > s.start)
      .map((s) => ({ ...s, frames: Math.max(1, Math.round((s.end - s.start) * clock.fps)) }));
  }

  get start() {
    return this.segments.length ? this.segments[0].start : 0;
  }

  get end() {
    return this.segments.length ? this.segments.at(-1).end : 0;
  }

  get firstFrame() {
    return this.segments.length ? this.segments[0].first : null;
  }

  /** The frame after the last one in the playlist. */
  get endFrame() {
    const last = this.segments.at(-1);
    return last ? last.first + last.frames : null;
  }

  /** The frame whose presentation time is the given media time, or null where none is that near. */
  frameAt(mediaTime) {
    const place = this.#place(mediaTime + MAX_RESIDUAL / this.clock.fps);
    if (!place || place.gap) return null;
    const exact = (mediaTime - place.start) * this.clock.fps;
    const k = Math.round(exact);
    return Math.abs(exact - k) <= MAX_RESIDUAL && k >= 0 && k < place.frames ? place.first + k : null;
  }

  /** The frame that is on screen at the given media time, for any time inside a segment; null in a gap. */
  frameCovering(mediaTime) {
    const place = this.#place(mediaTime);
    if (!place || place.gap) return null;
    const k = Math.floor((mediaTime - place.start) * this.clock.fps + 1e-6);
    return place.first + Math.min(k, place.frames - 1);
  }

  /** The first frame that the gap at a media time lacks; null where there is no gap. */
  gapAt(mediaTime) {
    const place = this.#place(mediaTime);
    return place?.gap ? place.first : null;
  }

  /** The media time of frame n's start, for drawing: also in gaps and, by the nearest segment, outside the window. */
  timeOf(n) {
    if (!this.segments.length) return null;
    let s = this.segments[0];
    for (const next of this.segments) {
      if (next.first > n) break;
      s = next;
    }
    // Between two segments that do not follow on each other there is no time: the next one's start is the place.
    const time = s.start + (n - s.first) / this.clock.fps;
    const next = this.segments[this.segments.indexOf(s) + 1];
    return next && n >= s.first + s.frames ? next.start : time;
  }

  /** The media time in the middle of frame n, where a seek shows that frame; null if the playlist lacks the frame. */
  seekTimeOf(n) {
    const s = this.segments.find((x) => n >= x.first && n < x.first + x.frames);
    return s && !s.gap ? s.start + (n - s.first + 0.5) / this.clock.fps : null;
  }

  // The last segment that starts at or before the time, if the time is before its end.
  #place(mediaTime) {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle].start <= mediaTime) low = middle + 1;
      else high = middle;
    }
    const s = this.segments[low - 1];
    return s && mediaTime < s.end + 1 / this.clock.fps ? s : null;
  }
}
