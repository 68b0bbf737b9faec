// The faults of a faulty twin: what is planned and what has become of it, asked for once a second, and what of it a picture shows.
//
// A fault that is done, or not done, stays so. So only what comes behind those is asked for again. A frame's truth is there when its
// segment is published, which is before any player can show it.

import { explain } from '../check/explain.js';

const POLL_MS = 1000;
// More than any window shows, so a long session can't grow without bound.
const MAX_FAULTS = 2000;
// So many the server gives at once, and so many ten minutes at 60 frames a second have.
const MAX_FRAMES = 5000;
const MAX_SHOWN = 36_000;

const isFinal = ({ state }) => state === 'done' || state === 'not_done';

/** Events: "changed". */
export class FaultFeed extends EventTarget {
  /**
   * @param {Api} api
   * @param {() => boolean} isUp whether the server answers
   */
  constructor(api, isUp) {
    super();
    this.api = api;
    this.isUp = isUp;
    this.byId = new Map();
    // The records, in the order of their frames.
    this.list = [];
    // Which frame's picture each frame of a fault of pictures shows.
    this.shows = new Map();
    // The newest frame whose truth is known, and when the question was asked that was answered last.
    this.newest = -1;
    this.askedAt = -Infinity;
  }

  /**
   * @param {number} first the first frame that is of interest
   * @param {number} segment the number of frames in a segment
   */
  start(first, segment) {
    this.from = Math.max(0, first);
    this.segment = segment;
    this.ask();
    setInterval(() => this.ask(), POLL_MS);
  }

  async ask() {
    if (this.asking || !this.isUp()) return;
    this.asking = true;
    const askedAt = performance.now();
    try {
      const { faults, newest_frame: newest, truncated } = await this.api.faults(this.from);
      for (const { done } of faults.filter((f) => f.layer === 'picture')) for (const span of done ?? []) await this.#askShows(span);
      this.#learn(faults, newest);
      if (truncated) this.from = faults.at(-1).frame; // the rest comes with the next answer
      this.askedAt = askedAt;
      this.dispatchEvent(new Event('changed'));
    } catch {
      // The server is away: the next poll asks again.
    } finally {
      this.asking = false;
    }
  }

  #learn(faults, newest) {
    // What was planned is not any more where a scenario has changed.
    for (const [id, fault] of this.byId) if (!isFinal(fault)) this.byId.delete(id);
    for (const fault of faults) this.byId.set(fault.id, fault);
    this.newest = newest;
    const open = faults.filter((f) => !isFinal(f)).map((f) => f.frame);
    this.from = Math.max(0, Math.min(newest + 1, ...open));
    this.list = [...this.byId.values()].sort((a, b) => a.frame - b.frame).slice(-MAX_FAULTS);
    this.byId = new Map(this.list.map((f) => [f.id, f]));
  }

  // Asks what frames show whose pictures are not their own.
  async #askShows({ frame, last_frame: last }) {
    while (this.shows.has(frame)) frame++;
    for (; frame <= last; frame += MAX_FRAMES) {
      const shows = await this.api.shows(frame, Math.min(last, frame + MAX_FRAMES - 1));
      for (const [n, shown] of Object.entries(shows)) this.shows.set(Number(n), shown);
    }
    for (const old of [...this.shows.keys()].slice(0, -MAX_SHOWN)) this.shows.delete(old);
  }

  /** A sample of the self-check with the verdict by these faults, as it is where no twin is watched; null where that is not known yet. */
  judge(sample) {
    if (!this.api.twin) return sample;
    const judged = explain(sample, this.list, this.segment, (n) => this.shows.get(n));
    if (judged.verdict === 'faulty' || sample.at < this.askedAt) return judged;
    const newest = Math.max(...[sample.pixels, sample.sei, sample.media].filter((n) => n !== null));
    return judged.verdict !== 'wrong' && newest <= this.newest ? judged : null;
  }
}
