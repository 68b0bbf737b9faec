// The recording that is replayed: its timeline with what gaps found on it, where the replay is, and going elsewhere in it.
//
// Positions are seconds of the recording, as `replay --offset` counts them. Going to one moves the replay's clock, for every
// client; a player is then at its live edge there.

import { formatAgo } from '../clocks.js';
import { place, shareOf } from '../truth/timeline.js';

const POLL_MS = 1000;
const STEP_SECONDS = 5;
const PAGE_SECONDS = 60;
// A finding is shown from this long before it, so that it is seen coming.
const BEFORE_SECONDS = 5;
// More are in what `gaps` writes.
const MAX_LISTED = 200;
const LABEL_STEPS = [5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
const MAX_LABELS = 6;

/** The findings as spans of the recording: {start, end, kind, text} in seconds, in order. */
export function spansOf(report, length) {
  return report.findings.map(({ kind, text, playlist, replay_offset: start, amount }) => ({
    kind, start, end: Math.min(start + Math.max(amount, 0), length), text: playlist ? `${playlist}: ${text}` : text,
  }));
}

/** How many there are of each kind, in words. */
export function summaryOf({ counts }) {
  const parts = Object.entries(counts).filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return parts.length === 0 ? 'Nothing was wrong with the recorded stream.' : parts.map(([kind, n]) => `${n} ${words(kind)}`).join(' · ');
}

const words = (kind) => kind.replaceAll('_', ' ');

/** Asks the replay server. Paths are relative to the page. */
export class ReplayApi {
  /** Where the replay is; null where this is no replay. */
  async position() {
    const response = await fetch('_replay/position', { cache: 'no-store' });
    return response.status === 404 ? null : answerOf(response);
  }

  /** What gaps finds in the recording. */
  async gaps() {
    return answerOf(await fetch('_replay/gaps', { cache: 'no-store' }));
  }

  /** Moves the replay's clock. */
  async seek(at) {
    const headers = { 'Content-Type': 'application/json', 'X-Refstream': 'replay' };
    return answerOf(await fetch('_replay/position', { method: 'POST', headers, body: JSON.stringify({ at }) }));
  }
}

async function answerOf(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}

export class Recording {
  /**
   * @param {HTMLElement} root hidden until there is a recording
   * @param {ReplayApi} api
   * @param {() => void} onSeek called when the replay's clock has moved
   */
  constructor(root, api, onSeek) {
    this.root = root;
    this.api = api;
    this.onSeek = onSeek;
    this.track = root.querySelector('.track');
    this.position = null;
    this.spans = [];
    this.track.addEventListener('click', (event) => {
      const box = this.track.getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.position.length);
    });
    this.track.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** Follows the replay, if this is one. */
  async start() {
    try {
      this.position = await this.api.position();
    } catch {
      setTimeout(() => this.start(), POLL_MS); // the server is not there yet
      return;
    }
    if (!this.position) return;
    this.root.hidden = false;
    this.#render();
    setInterval(() => this.#poll(), POLL_MS);
    this.#find();
  }

  async seek(at) {
    const { length } = this.position;
    // Its end is no place to begin at.
    const to = Math.max(0, Math.min(at, length - 0.001));
    try {
      this.position = await this.api.seek(Math.floor(to * 1000) / 1000);
      this.#say('');
      this.#render();
      this.onSeek();
    } catch (error) {
      this.#say(error.message);
    }
  }

  async #poll() {
    if (this.polling) return;
    this.polling = true;
    try {
      this.position = await this.api.position() ?? this.position;
      this.#render();
    } catch {
      // The replay is away: the player says so.
    } finally {
      this.polling = false;
    }
  }

  async #find() {
    let report;
    try {
      report = await this.api.gaps();
    } catch (error) {
      this.#part('summary').textContent = `It can’t be told: ${error.message}`;
      return;
    }
    const { length } = this.position;
    this.spans = spansOf(report, length);
    this.runs = report.runs.map((r) => ({ start: r.replay_offset, end: r.replay_offset })).slice(1);
    this.#part('count').textContent = String(Object.values(report.counts).reduce((a, b) => a + b, 0));
    const more = this.spans.length > MAX_LISTED ? ` · the first ${MAX_LISTED} are listed` : '';
    this.#part('summary').textContent = `${summaryOf(report)}${more}`;
    this.root.querySelector('.findings').replaceChildren(...this.spans.slice(0, MAX_LISTED).map((s) => this.#item(s)));
    this.#render();
  }

  #item({ kind, start, text }) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = formatAgo(start);
    button.setAttribute('aria-label', `Go to ${formatAgo(start)}: ${words(kind)}`);
    button.addEventListener('click', () => this.seek(start - BEFORE_SECONDS));
    const name = document.createElement('b');
    name.textContent = words(kind);
    const what = document.createElement('span');
    what.textContent = text;
    item.append(button, name, what);
    return item;
  }

  #part(name) {
    return this.root.querySelector(`[data-recording="${name}"]`);
  }

  #say(text) {
    this.#part('said').textContent = text;
  }

  #render() {
    const { at, length, started, pass, speed } = this.position;
    const share = shareOf({ start: 0, end: length });
    const parts = [started ? `${formatAgo(at)} of ${formatAgo(length)}` : `waits at ${formatAgo(at)} of ${formatAgo(length)}`];
    if (pass > 0) parts.push(`pass ${pass + 1}`);
    if (speed !== '1') parts.push(`speed ${speed}`);
    const text = parts.join(' · ');
    this.#part('position').textContent = text;
    this.track.setAttribute('aria-valuemax', String(Math.round(length)));
    this.track.setAttribute('aria-valuenow', String(Math.round(at)));
    this.track.setAttribute('aria-valuetext', text);
    for (const [name, property] of [['.head', 'left'], ['.played', 'width']]) {
      this.root.querySelector(name).style[property] = `${share(at)}%`;
    }
    place(this.root.querySelector('.marks'), this.spans, share, (element, { kind, text: title }) => { element.title = `${words(kind)}: ${title}`; });
    place(this.root.querySelector('.runs'), this.runs ?? [], share, () => {});
    const step = LABEL_STEPS.find((s) => length / s <= MAX_LABELS) ?? length / MAX_LABELS;
    const labels = [];
    for (let t = step; t < length * 0.97; t += step) labels.push({ start: t, end: t });
    place(this.root.querySelector('.labels'), labels, share, (element, { start }) => { element.textContent = formatAgo(start); });
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { at, length } = this.position;
    const to = {
      ArrowLeft: at - STEP_SECONDS, ArrowDown: at - STEP_SECONDS, ArrowRight: at + STEP_SECONDS, ArrowUp: at + STEP_SECONDS,
      PageDown: at - PAGE_SECONDS, PageUp: at + PAGE_SECONDS, Home: 0, End: length,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.seek(to);
  }
}
