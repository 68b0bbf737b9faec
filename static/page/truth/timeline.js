// The timeline: the whole window that can be played, with every marker in it at its true place and length.
//
// It is a slider for assistive technology and the keyboard. Positions are shares of the window, which moves on with
// the live edge, so everything is placed anew a few times a second.

import { formatAgo, formatUtc } from '../clocks.js';

const STEP_SECONDS = 5;
const PAGE_SECONDS = 60;
// Distances between labels, in seconds: the first that gives at most this many is taken.
const LABEL_STEPS = [5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const MAX_LABELS = 6;
// What the label of the newest frame and any other take up, in CSS pixels.
const EDGE_PIXELS = 90;
const LABEL_PIXELS = 44;

export class Timeline {
  /**
   * @param {HTMLElement} root holds .track (the slider) and .labels; .tooltip lies in the track's parent
   * @param {object} model what is to be shown: window() {start, end}|null, position(), buffered(), gaps(), markers()
   *   as {marker, start, end} in media time, frameAt(t), reasonAt(t) of a gap, or null, behind(t) seconds behind live, or null,
   *   clock(), seek(t), seekToMarker(marker), live()
   */
  constructor(root, model) {
    this.model = model;
    this.track = root.querySelector('.track');
    this.marks = root.querySelector('.marks');
    this.gaps = root.querySelector('.gaps');
    this.played = root.querySelector('.played');
    this.loaded = root.querySelector('.loaded');
    this.head = root.querySelector('.head');
    this.labels = root.querySelector('.labels');
    this.tooltip = root.querySelector('.tooltip');
    this.dragging = false;
    this.#listen();
  }

  /** Places everything anew. */
  render() {
    const range = this.model.window();
    this.track.classList.toggle('empty', !range);
    if (!range) return;
    const share = shareOf(range);
    place(this.gaps, this.model.gaps(), share, () => {});
    place(this.marks, this.model.markers(), share, (element, { marker }) => {
      element.dataset.kind = marker.kind;
      element.dataset.id = marker.id;
      element.classList.toggle('pending', Boolean(marker.isPending));
    });
    place(this.loaded, this.model.buffered(), share, () => {});
    this.#labels(range, share);
    this.renderHead();
    // The window moves on under a hand that rests.
    if (!this.tooltip.hidden) this.#showTooltip();
  }

  /** Places the playhead only; cheap enough for every paint. */
  renderHead() {
    const range = this.model.window();
    if (!range) return;
    const position = this.dragging ? this.dragTime : this.model.position();
    const share = Math.min(1, Math.max(0, (position - range.start) / (range.end - range.start)));
    this.head.style.left = `${share * 100}%`;
    this.played.style.width = `${share * 100}%`;
  }

  /** Says where the playhead is, for assistive technology; once a second is enough. */
  announce() {
    const range = this.model.window();
    if (!range) return;
    const position = this.model.position();
    this.track.setAttribute('aria-valuemax', String(Math.round(range.end - range.start)));
    this.track.setAttribute('aria-valuenow', String(Math.round(position - range.start)));
    const frame = this.model.frameAt(position);
    const timecode = frame === null ? '' : `, timecode ${this.model.clock().timecode(frame)}`;
    this.track.setAttribute('aria-valuetext', `${this.#agoAt(position, range)}${timecode}`);
  }

  // Where a place is in words: behind live, or before the window's end where the stream is not live.
  #agoAt(time, range) {
    const behind = this.model.behind(time);
    return behind === null ? `${formatAgo(range.end - time)} before the end` : `${formatAgo(behind)} behind live`;
  }

  #labels(range, share) {
    const length = range.end - range.start;
    const step = LABEL_STEPS.find((s) => length / s <= MAX_LABELS) ?? 7200;
    const items = [];
    const pixels = this.track.clientWidth / length;
    // The window ends so many seconds behind live.
    const lead = this.model.behind(range.end) ?? 0;
    for (let ago = step; ago - lead < length; ago += step) {
      const at = range.end + lead - ago;
      // Labels keep clear of the one for the newest frame on the right and of the end on the left.
      if ((range.end - at) * pixels < EDGE_PIXELS || (at - range.start) * pixels < LABEL_PIXELS / 2) continue;
      items.push({ start: at, end: at, ago });
    }
    place(this.labels, items, share, (element, { ago }) => { element.textContent = `−${formatAgo(ago)}`; });
  }

  #listen() {
    const { track } = this;
    track.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.model.window()) return;
      track.setPointerCapture(event.pointerId);
      track.focus({ preventScroll: true });
      const mark = event.target.closest('.marks > *');
      this.pressedMark = mark?.dataset.id ?? null;
      this.dragging = true;
      this.pressedAt = event.clientX;
      this.dragTime = this.#timeAt(event.clientX);
      this.renderHead();
    });
    track.addEventListener('pointermove', (event) => {
      if (this.dragging) {
        // A mark is clicked, not dragged: beyond a few pixels the hand means the time and not the mark.
        if (Math.abs(event.clientX - this.pressedAt) > 3) this.pressedMark = null;
        this.dragTime = this.#timeAt(event.clientX);
        this.renderHead();
      }
      this.pointerX = event.clientX;
      this.#showTooltip();
    });
    track.addEventListener('pointerup', () => {
      if (!this.dragging) return;
      this.dragging = false;
      if (this.pressedMark) this.model.seekToMarker(this.pressedMark);
      else this.model.seek(this.dragTime);
    });
    track.addEventListener('pointercancel', () => { this.dragging = false; });
    track.addEventListener('pointerleave', () => { this.tooltip.hidden = true; });
    track.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const range = this.model.window();
      if (!range) return;
      const position = this.model.position();
      const targets = {
        ArrowDown: position - STEP_SECONDS, ArrowUp: position + STEP_SECONDS,
        PageDown: position - PAGE_SECONDS, PageUp: position + PAGE_SECONDS,
        Home: range.start,
      };
      if (event.key === 'End') this.model.live();
      else if (event.key in targets) this.model.seek(targets[event.key]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  #timeAt(clientX) {
    const range = this.model.window();
    const box = this.track.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    return range.start + share * (range.end - range.start);
  }

  #showTooltip() {
    const range = this.model.window();
    if (!range) return;
    const time = this.#timeAt(this.pointerX);
    const clock = this.model.clock();
    const frame = this.model.frameAt(time);
    const lines = [this.#agoAt(time, range)];
    const reason = this.model.reasonAt(time);
    if (reason !== null) lines.push(`gap: ${reason}`);
    else if (frame === null) lines.push('no frames here');
    else lines.push(clock.timecode(frame), `${formatUtc(clock.utcNanos(frame))} UTC`);
    const pixel = (range.end - range.start) / this.track.clientWidth;
    const over = this.model.markers().find(({ start, end }) => time >= start - 3 * pixel && time <= end + 3 * pixel);
    if (over) lines.unshift(over.marker.text || over.marker.id);
    this.tooltip.replaceChildren(...lines.map((line, i) => {
      const element = document.createElement(i === 0 && over ? 'strong' : 'span');
      element.textContent = line;
      return element;
    }));
    this.tooltip.hidden = false;
    const box = this.track.getBoundingClientRect();
    const half = this.tooltip.offsetWidth / 2;
    const x = Math.min(Math.max(this.pointerX - box.left, half), Math.max(half, box.width - half));
    this.tooltip.style.left = `${x}px`;
  }
}

/** Where a time lies in the window, in percent. */
export function shareOf({ start, end }) {
  return (t) => (100 * Math.min(Math.max(t - start, 0), end - start)) / (end - start);
}

// Gives the parent one child an item, at its share of the window; children are kept, so nothing flickers.
export function place(parent, items, share, dress) {
  while (parent.children.length > items.length) parent.lastChild.remove();
  while (parent.children.length < items.length) parent.append(document.createElement('span'));
  for (const [i, item] of items.entries()) {
    const element = parent.children[i];
    const left = share(item.start);
    element.style.left = `${left}%`;
    element.style.width = `${share(item.end) - left}%`;
    dress(element, item);
  }
}
