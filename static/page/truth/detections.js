// What detectors have posted, held against the truth: a row under the timeline for each source.
//
// The server scores a source from its first detection in the window to its last: whether it watched before and after is not
// known, so nothing there counts as missed.

import { place, shareOf } from './timeline.js';

const POLL_MS = 3000;
// More than there are places for, and than a window usually has.
const MAX_SOURCES = 8;
const MAX_DETECTIONS = 2000;
// How far a detection may be from its marker, in seconds: the server's default.
const TOLERANCE = 0.5;
// The longest step from one time to the next that a number of JSON can be rounded by, in seconds.
const EPSILON = 1e-6;

/** The sources of a list of detections, by name, each with the times of its first and its last one. */
export function sourcesOf(detections) {
  const sources = new Map();
  for (const { source, time } of detections) {
    const known = sources.get(source) ?? { source, first: time, last: time };
    known.first = Math.min(known.first, time);
    known.last = Math.max(known.last, time);
    sources.set(source, known);
  }
  return [...sources.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
}

/** An error in frames, with its sign. */
export function formatError(frames) {
  return frames === 0 ? '0' : `${frames > 0 ? '+' : '−'}${Math.abs(frames)}`;
}

/**
 * The row of a source: hits with their errors in frames, late ones positive, misses, and false ones; and a line of text.
 * @param {string} source
 * @param {object} report what /score says of it
 * @param {number} fps frames per second
 */
export function rowOf(source, report, fps) {
  const frameAt = (t) => Math.floor(t * fps + fps / 1000); // times are rounded down
  const hits = report.matches.map(({ id, frame, error }) => {
    const frames = Math.round(error * fps);
    return { kind: 'hit', frame: frame + frames, label: formatError(frames), title: `${id}: ${formatError(frames)} frames`, frames };
  });
  const marks = [
    ...hits,
    ...report.missed_markers.map(({ id, frame }) => ({ kind: 'miss', frame, label: '×', title: `${id}: missed` })),
    ...report.spurious_detections.map(({ at }) => ({ kind: 'false', frame: frameAt(at), label: '!', title: `no event at ${at} s` })),
  ].sort((a, b) => a.frame - b.frame);
  const parts = [`${report.matched} of ${report.markers} found`];
  if (report.spurious) parts.push(`${report.spurious} false`);
  if (hits.length) {
    const errors = hits.map((h) => h.frames);
    const [low, high] = [Math.min(...errors), Math.max(...errors)];
    const range = low === high ? formatError(low) : `${formatError(low)} to ${formatError(high)}`;
    parts.push(`error ${range} ${low === high && Math.abs(low) === 1 ? 'frame' : 'frames'}`);
  }
  return { source, marks, text: parts.join(' · ') };
}

/** Asks what has been posted, and how good it is, while there is a window. */
export class DetectionFeed {
  /**
   * @param {Api} api
   * @param {object} model isUp(), fps(), start() where the window begins in HLS seconds, or null
   */
  constructor(api, model) {
    this.api = api;
    this.model = model;
    this.rows = [];
  }

  start() {
    this.#ask();
    setInterval(() => this.#ask(), POLL_MS);
  }

  async #ask() {
    const from = this.model.start();
    if (this.asking || from === null || !this.model.isUp()) return;
    this.asking = true;
    try {
      const sources = sourcesOf(await this.api.newestDetections(Math.max(0, from), MAX_DETECTIONS)).slice(0, MAX_SOURCES);
      this.rows = await Promise.all(sources.map(async ({ source, first, last }) => {
        // A detection may be early or late: its marker counts too.
        const range = { ts_start: first - TOLERANCE - EPSILON, ts_end: last + EPSILON, tolerance: TOLERANCE };
        return rowOf(source, await this.api.score(source, range), this.model.fps());
      }));
    } catch {
      // The server is away, or the last detection has just been trimmed: the next poll asks again.
    } finally {
      this.asking = false;
    }
  }
}

/** Shows the rows. */
export class DetectionRows {
  /**
   * @param {HTMLElement} root
   * @param {object} model window() {start, end}|null, rows(), placeOf(frame): media time, null where it is not in the window
   */
  constructor(root, model) {
    this.root = root;
    this.model = model;
  }

  render() {
    const range = this.model.window();
    const rows = range ? this.model.rows() : [];
    while (this.root.children.length > rows.length) this.root.lastChild.remove();
    while (this.root.children.length < rows.length) this.root.append(newRow());
    for (const [i, row] of rows.entries()) {
      const [name, text, lane] = this.root.children[i].children;
      setText(name, row.source);
      setText(text, row.text);
      const marks = row.marks.flatMap((mark) => {
        const at = this.model.placeOf(mark.frame);
        return at === null ? [] : [{ ...mark, start: at, end: at }];
      });
      place(lane, marks, shareOf(range), (element, mark) => {
        element.dataset.kind = mark.kind;
        element.title = mark.title;
        setText(element, mark.label);
      });
    }
  }
}

function newRow() {
  const row = document.createElement('div');
  row.append(document.createElement('b'), document.createElement('span'), document.createElement('div'));
  row.lastChild.className = 'lane';
  row.lastChild.setAttribute('aria-hidden', 'true');
  return row;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
