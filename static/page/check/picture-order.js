// Finds out which of the pictures that a browser announced is the one whose pixels were read. Pure functions, no page.
//
// A browser that gives no time with the pixels (as Firefox) gives them apart: requestVideoFrameCallback announces
// pictures, in order, numbered, each with its media time and when it is due on screen; drawing the video gives the pixels
// of the picture that is on screen just then, which may be the one before the announced one, or one after it. So each
// reading gets bounds, from the order of events alone, and never from what is in the pixels or in the labels:
//
//   not before: the newest picture that was on screen at the rendering update before the reading
//   not after:  the newest picture that was on screen at the first rendering update whose time is after the reading
//
// Readings with equal pixels, one after the other, are of one picture (a run), so their bounds hold together; the next
// pixels are of a later picture. Where both bounds meet, the picture is known. Where they don't, it isn't.

// A run that is not settled by those that follow at once will not be.
const MAX_RUNS = 12;

// So many pictures later nothing more is found out about one.
const MAX_BEHIND = 12;

// Times of one rendering update differ by rounding only.
const SAME_MS = 1;

export class PictureOrder {
  /** @param {number} fps frames a second: pictures that are one frame apart have no other between them */
  constructor(fps) {
    this.fps = fps;
    this.clear();
  }

  /** Forgets everything: the order of pictures is broken, as by a seek or another source. */
  clear() {
    this.announced = [];
    this.runs = [];
    this.shown = null;
  }

  /**
   * A picture was announced.
   * @param {number} mediaTime in seconds
   * @param {number} due when it is on screen, in ms of the rendering updates' times (expectedDisplayTime)
   */
  announce(mediaTime, due) {
    const before = this.announced.at(-1);
    if (before && mediaTime <= before.mediaTime) {
      if (mediaTime === before.mediaTime) return;
      this.clear();
    }
    const newest = this.announced.at(-1);
    const number = newest ? newest.number + Math.max(1, Math.round((mediaTime - newest.mediaTime) * this.fps)) : 0;
    this.announced.push({ number, mediaTime, due, fresh: true, read: false, given: false, pixels: undefined });
  }

  /**
   * A rendering update, after its announcements.
   * @param {number} now its time in ms
   * @returns {{mediaTime: number, pixels: number|null}[]} the pictures that are done with, in order; pixels is the number
   *   in the picture, null where it is not known which picture's number was read. What was never read is left out.
   */
  update(now) {
    const newest = this.announced.at(-1);
    if (newest?.fresh) {
      // What is due was not on screen before this update; those before it may have been, announced or not. Without an
      // announcement nothing is known: a browser need not announce every picture.
      const last = newest.due > now + SAME_MS ? newest.number - 1 : newest.number;
      for (const run of this.runs) {
        // An update may be late: one whose time is before that of a reading says nothing about it.
        if (run.readAt < now) run.last = Math.min(run.last, last);
      }
    }
    for (const picture of this.announced) {
      if (!picture.fresh || picture.due <= now + SAME_MS) this.shown = Math.max(this.shown ?? -Infinity, picture.number);
      picture.fresh = false;
    }
    return this.#settle();
  }

  /**
   * The number in the picture that is on screen was read, after an update and before the next one.
   * @param {number|null} pixels the number, null where it can't be read
   * @param {number} time when it was read, in ms of the updates' times, rounded up
   */
  read(pixels, time) {
    if (this.shown === null) return;
    for (const picture of this.announced) picture.read ||= picture.number >= this.shown;
    if (pixels === null) return;
    let run = this.runs.at(-1);
    if (run?.pixels !== pixels) {
      run = { pixels, first: this.shown, last: Infinity, readAt: time };
      this.runs.push(run);
    }
    run.first = Math.max(run.first, this.shown);
    // The first of several readings is the one that the next update comes after.
    run.readAt = Math.min(run.readAt, time);
  }

  // The picture of a number. One that was not announced lies between two that were, so its time is known all the same.
  #picture(number) {
    const i = this.announced.findIndex((p) => p.number >= number);
    if (i < 0 || this.announced[i].number === number) return this.announced[i];
    if (i === 0) return undefined;
    const before = this.announced[i - 1];
    const mediaTime = before.mediaTime + (number - before.number) / this.fps;
    const picture = { number, mediaTime, fresh: false, read: true, given: false, pixels: undefined };
    this.announced.splice(i, 0, picture);
    return picture;
  }

  #settle() {
    const { runs, announced } = this;
    for (let i = 1; i < runs.length; i++) runs[i].first = Math.max(runs[i].first, runs[i - 1].first + 1);
    for (let i = runs.length - 2; i >= 0; i--) runs[i].last = Math.min(runs[i].last, runs[i + 1].last - 1);
    // Bounds that exclude each other: the browser did not keep to the order, and nothing read in it is known.
    const broken = runs.some((run) => run.first > run.last);
    if (broken) {
      this.runs = [];
    } else {
      for (const { pixels, first, last } of runs) {
        const picture = first === last ? this.#picture(first) : undefined;
        if (picture) picture.pixels ??= pixels;
      }
      runs.splice(0, runs.length - MAX_RUNS);
    }
    const done = [];
    const newest = announced.at(-1)?.number;
    while (announced.length > 0) {
      const [picture] = announced;
      const settled = picture.pixels !== undefined;
      if (!settled && newest - picture.number <= MAX_BEHIND) break;
      // The newest stays: what is on screen is known by it.
      if (announced.length === 1) {
        if (settled && !picture.given) done.push(picture);
        picture.given = true;
        break;
      }
      announced.shift();
      if ((settled || picture.read) && !picture.given) done.push(picture);
    }
    return done.map(({ mediaTime, pixels }) => ({ mediaTime, pixels: pixels ?? null }));
  }
}
