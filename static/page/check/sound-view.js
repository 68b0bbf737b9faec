// Shows where sound and picture meet: the last seconds of both, one below the other, and by how much they differ.

import { PRECISION, SHOWN_S, SoundMeets } from './sound-meets.js';

// Sound that is this early or late is noticed (ITU-R BT.1359).
const EARLY_S = 0.045;
const LATE_S = 0.125;
// A beep has this level, of 1.
const FULL = 0.375;

export class SoundView {
  /**
   * @param {HTMLElement} root holds an output, a canvas and a .note
   * @param {object} model sound, video, fps(), markerAt(frame)
   */
  constructor(root, model) {
    this.root = root;
    this.model = model;
    this.meets = new SoundMeets();
    this.value = root.querySelector('output');
    this.note = root.querySelector('.note');
    this.canvas = root.querySelector('canvas');
    model.video.addEventListener('seeking', () => this.meets.clear());
  }

  /** Begins anew: the pictures are of another source. */
  clear() {
    this.meets.clear();
    this.meets.results = [];
  }

  /** A picture whose number is beyond doubt. */
  see({ verdict, pixels, media, mediaTime }) {
    if (verdict === 'wrong' || verdict === 'faulty' || pixels === null || pixels !== media) return;
    this.meets.see(pixels, mediaTime, this.model.markerAt(pixels), this.model.fps());
  }

  /** Takes in what is heard and shows what is known; called ten times a second. */
  render() {
    const { sound, video } = this.model;
    this.root.hidden = !sound.available;
    if (!sound.available) return;
    const moves = !video.paused && !video.seeking && video.readyState >= 3 && video.playbackRate === 1;
    this.meets.hear(sound.read(), moves);
    const { summary } = this.meets;
    const ms = summary && Math.round(summary.offset * 1000);
    const meets = summary && -EARLY_S <= summary.offset && summary.offset <= LATE_S;
    // One event that differs may be a slip of the player's.
    this.root.dataset.verdict = meets ? 'exact' : summary?.count > 1 ? 'wrong' : 'unknown';
    setText(this.value, summary ? `${ms > 0 ? '+' : ms < 0 ? '−' : ''}${Math.abs(ms)} ms` : 'not known');
    setText(this.note, summary ? this.#found(ms, summary.count) : this.#why(moves));
    this.#draw();
  }

  #found(ms, count) {
    const near = PRECISION * 1000;
    const way = Math.abs(ms) <= near ? 'They meet' : `The sound is ${ms > 0 ? 'late' : 'early'}`;
    return `${way}: ${count === 1 ? 'one event' : `median of ${count} events`}, ±${near} ms`;
  }

  #why(moves) {
    const { sound } = this.model;
    if (!sound.context) return sound.on ? 'This browser does not hand out the samples.' : 'Turn the sound on, and it is measured.';
    if (sound.context.state !== 'running') return 'The browser holds the sound back.';
    if (!moves) return 'Measured while the stream plays.';
    return 'Waits for the next event.';
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth) return;
    const width = Math.round(clientWidth * ratio);
    const height = Math.round(clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext('2d');
    const style = getComputedStyle(this.root);
    context.clearRect(0, 0, width, height);
    const { meets } = this;
    const start = this.model.video.currentTime - SHOWN_S;
    const x = (time) => ((time - start) / SHOWN_S) * width;
    const half = Math.floor(height / 2) - ratio;
    const lane = (top, colour) => {
      context.fillStyle = style.getPropertyValue('--track');
      context.fillRect(0, top + half - ratio, width, ratio);
      context.fillStyle = style.getPropertyValue(colour);
    };
    lane(0, '--cyan');
    meets.pictures.forEach((p, i, { length }) => {
      const until = i + 1 < length ? meets.pictures[i + 1].mediaTime : p.mediaTime + 1 / this.model.fps();
      if (p.first !== null) context.fillRect(x(p.mediaTime), half * 0.15, Math.max(1, x(until) - x(p.mediaTime)), half * 0.85);
    });
    lane(height - half, '--accent');
    const { shift } = meets;
    if (shift === null) return;
    const { levels } = meets.beeps;
    levels.forEach(({ time, level }, i) => {
      const until = levels[i + 1]?.time ?? time + 0.02;
      const tall = half * 0.85 * Math.min(1, level / FULL);
      context.fillRect(x(time + shift), height - tall, Math.max(1, x(until + shift) - x(time + shift)), tall);
    });
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
