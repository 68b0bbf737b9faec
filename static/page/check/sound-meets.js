// Where sound and picture meet: when each event's beep begins in the samples of the right channel, and when its first picture does, both
// in the player's media time. Web Audio's clock and the player's are compared by looking at both, so the difference is good to about 20 ms.

/** How near the two can be measured, in seconds. */
export const PRECISION = 0.02;

// A beep has a level of 0.375; what the encoder smears before it stays far below.
const LOUD = 0.1;
const QUIET = 0.04;
// So long it must be quiet before a beep, in seconds: less than a frame of any rate that a person hears beeps apart at.
const QUIET_S = 0.02;
// Levels for the graph: one for so many seconds, over so many seconds.
const STEP_S = 0.02;
export const SHOWN_S = 6;
// The two clocks are compared by the median of so many looks, and a result needs some of them.
const LOOKS = 30;
const ENOUGH_LOOKS = 10;
// Where most of them differ by more, the player does not play evenly, as after a start: then nothing is known.
const EVEN_S = 0.03;
// Further apart is a jump, not jitter.
const JUMP_S = 0.25;
// A beep and a picture further apart are not those of one event.
const FARTHEST_S = 0.5;
const KEPT = 5;

const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => sorted(list)[list.length >> 1];

/** Finds beeps in samples that are read piece by piece. */
export class Beeps {
  constructor() {
    this.clear();
  }

  clear() {
    this.end = null;
    this.quiet = 0;
    this.levels = [];
    this.block = { from: null, peak: 0 };
  }

  /**
   * Takes in what is new of the newest samples.
   * @param {{samples: Float32Array, rate: number, end: number}} window its end in seconds
   * @returns {number[]} when beeps begin, by the clock that end is on
   */
  add({ samples, rate, end }) {
    let count = this.end === null ? 0 : Math.round((end - this.end) * rate); // what was before may be of another place
    if (count > samples.length) { // some were not seen: a beep may have begun in them
      this.clear();
      count = 0;
    }
    const begins = [];
    for (let i = samples.length - count; i < samples.length; i++) {
      const level = Math.abs(samples[i]);
      const time = end - (samples.length - i) / rate;
      if (level > LOUD) {
        if (this.quiet >= QUIET_S * rate) begins.push(time);
        this.quiet = 0;
      } else if (level < QUIET) this.quiet++;
      this.#shown(time, level);
    }
    this.end = end;
    return begins;
  }

  #shown(time, level) {
    const { block } = this;
    if (block.from === null || time - block.from >= STEP_S) {
      if (block.from !== null) this.levels.push({ time: block.from, level: block.peak });
      this.block = { from: time, peak: level };
      while (this.levels.length && this.levels[0].time < time - SHOWN_S) this.levels.shift();
    } else if (level > block.peak) block.peak = level;
  }
}

export class SoundMeets {
  constructor() {
    this.beeps = new Beeps();
    this.clear();
    // The last events that were measured: {frame, offset} in seconds, positive where the sound is late.
    this.results = [];
  }

  /** Forgets what is under way: the player has gone elsewhere, or stands. */
  clear() {
    this.beeps.clear();
    this.looks = [];
    this.begun = [];
    this.pictures = [];
  }

  /** The difference between the player's media time and the samples' clock; null while it is not known. */
  get shift() {
    if (this.looks.length < ENOUGH_LOOKS) return null;
    const looks = sorted(this.looks);
    const spread = looks[Math.floor(looks.length * 0.9)] - looks[Math.floor(looks.length * 0.1)];
    return spread > EVEN_S ? null : looks[looks.length >> 1];
  }

  /**
   * @param {object|null} window what Sound.read gives
   * @param {boolean} moves whether the video plays, at its own rate
   */
  hear(window, moves) {
    if (!window || !moves) {
      this.clear();
      return;
    }
    const shift = window.position - window.end;
    if (this.shift !== null && Math.abs(shift - this.shift) > JUMP_S) this.clear();
    this.looks.push(shift);
    if (this.looks.length > LOOKS) this.looks.shift();
    this.begun.push(...this.beeps.add(window));
    this.#match();
  }

  /**
   * @param {number} frame the number in a picture's pixels
   * @param {number} mediaTime the picture's
   * @param {object|null} marker the event that the picture shows
   * @param {number} fps
   */
  see(frame, mediaTime, marker, fps) {
    this.pictures.push({ mediaTime, first: marker?.frame ?? null, begins: marker ? mediaTime - (frame - marker.frame) / fps : null });
    while (this.pictures[0].mediaTime < mediaTime - SHOWN_S || this.pictures[0].mediaTime > mediaTime) this.pictures.shift();
  }

  // Puts each beep to the event whose first picture is the nearest.
  #match() {
    const { shift } = this;
    if (shift === null) return;
    this.begun = this.begun.filter((time) => {
      const at = time + shift;
      const newest = this.pictures.at(-1)?.mediaTime ?? -Infinity;
      if (newest < at + FARTHEST_S) return at > newest - SHOWN_S; // pictures to come may be nearer
      const near = this.pictures.filter((p) => p.begins !== null && Math.abs(p.begins - at) < FARTHEST_S)
        .sort((a, b) => Math.abs(a.begins - at) - Math.abs(b.begins - at))[0];
      if (near) {
        this.results = [...this.results.filter((r) => r.frame !== near.first), { frame: near.first, offset: at - near.begins }].slice(-KEPT);
      }
      return false;
    });
  }

  /** What is known of the last events: {offset in seconds, count}; null where nothing is. */
  get summary() {
    if (this.results.length === 0) return null;
    return { offset: median(this.results.map((r) => r.offset)), count: this.results.length };
  }
}
