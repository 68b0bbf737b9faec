// Shows the faults of a faulty twin: rows under the timeline, a table, and what the player met.

import { formatAgo, formatCount, formatSeconds } from '../clocks.js';
import { TroubleList } from '../player/stream-trouble.js';
import { place, shareOf } from './timeline.js';

// The newest this many are shown; all of them are in /faults.
const MAX_ROWS = 100;
// Of what the player met lately, so much fits a line.
const MAX_MET = 5;
const STATES = { planned: 'planned', active: 'active', done: 'done', not_done: 'not done' };
const PLACES = { left: 'left the window', ahead: 'not published yet', gap: 'its first frame is not in the stream' };

/** The marks of faults in a row, in the order in which they lie over each other: the plan, collateral frames, changed ones. */
export function marksOf(faults) {
  return faults.flatMap((f) => {
    const mark = (part, frame, last) => ({ id: f.id, part, frame, last, state: f.state, title: `${f.id}: ${titleOf(f)}` });
    const parts = (part, spans = []) => spans.map((s) => mark(part, s.frame, s.last_frame));
    return [mark('plan', f.frame, f.last_frame), ...parts('collateral', f.collateral), ...parts('done', f.done)];
  });
}

function titleOf({ kind, state, reason, done, collateral }) {
  const count = (spans = []) => spans.reduce((n, s) => n + s.last_frame - s.frame + 1, 0);
  const parts = [kind, reason ? `${STATES[state]}, ${reason}` : STATES[state]];
  if (done) parts.push(`${count(done)} ${count(done) === 1 ? 'frame' : 'frames'} changed`);
  if (collateral) parts.push(`${count(collateral)} more look wrong`);
  return parts.join(' · ');
}

/**
 * What a row has to say in a line.
 * @param {object[]} faults in the order of their frames
 * @param {(frame: number) => number|null} ago seconds since a frame was due, null where that is not known
 */
export function summaryOf(faults, ago) {
  const parts = ['active', 'done', 'not_done'].flatMap((state) => {
    const n = faults.filter((f) => f.state === state).length;
    return n > 0 ? [`${n} ${STATES[state]}`] : [];
  });
  const next = faults.find((f) => f.state === 'planned');
  const since = next ? ago(next.frame) : null;
  if (next) parts.push(`next ${next.kind}${since === null ? '' : ` in ${formatAgo(-since)}`}`);
  return parts.join(' · ');
}

export class FaultsView {
  /**
   * @param {HTMLElement} lanes under the timeline, one for faults and one for decoys
   * @param {HTMLElement} card holds tbody, .count and .met
   * @param {App} app
   */
  constructor(lanes, card, app) {
    this.lanes = lanes;
    this.card = card;
    this.app = app;
    this.body = card.querySelector('tbody');
    this.rows = new Map();
    this.troubles = new TroubleList();
    app.player.addEventListener('trouble', ({ detail }) => this.troubles.add(detail, 0));
    app.faults.addEventListener('changed', () => this.#renderTable());
    this.body.addEventListener('click', (event) => {
      const row = event.target.closest('tr');
      // A link is one; text that is being selected is no click.
      if (row && !event.target.closest('a') && !String(getSelection())) this.#show(row.dataset.id);
    });
    lanes.addEventListener('click', ({ target }) => target.dataset.id && this.#show(target.dataset.id));
  }

  // Stops on the first frame of a fault.
  #show(id) {
    const { app } = this;
    app.player.pause();
    if (app.seekToFrame(app.faults.byId.get(id).frame, id)) app.video.parentElement.scrollIntoView({ block: 'nearest' });
  }

  /** Places the rows' marks anew, and says where each fault is; called a few times a second. */
  render() {
    const { app } = this;
    const { map, shown } = app;
    const range = app.window();
    const faults = app.faults.list;
    const some = Boolean(map?.segments.length && range && faults.length);
    this.lanes.hidden = !some;
    this.card.hidden = faults.length === 0;
    if (some) {
      const kept = faults.filter((f) => f.last_frame >= map.firstFrame);
      this.#lane(0, kept.filter((f) => !f.decoy), map, range);
      this.#lane(1, kept.filter((f) => f.decoy), map, range);
    }
    for (const fault of faults) {
      const row = this.rows.get(fault.id);
      if (!row) continue;
      const at = app.placeOf(fault);
      row.dataset.place = at;
      row.classList.toggle('current', shown.frame >= fault.frame && shown.frame <= fault.last_frame);
      const button = row.querySelector('button');
      button.title = at === 'here' ? 'Stop on its first frame' : PLACES[at];
      if (at === 'here') button.removeAttribute('aria-disabled');
      else button.setAttribute('aria-disabled', 'true');
    }
    this.#met();
  }

  #lane(i, faults, map, range) {
    const row = this.lanes.children[i];
    row.hidden = faults.length === 0;
    if (row.hidden) return;
    const [, text, lane] = row.children;
    setText(text, summaryOf(faults, (frame) => this.app.behindLive(frame)));
    const marks = marksOf(faults)
      .filter((m) => m.last >= map.firstFrame && m.frame < map.endFrame)
      .map((m) => ({ ...m, start: map.timeOf(m.frame), end: map.timeOf(m.last + 1) }));
    place(lane, marks, shareOf(range), (element, { id, part, state, title }) => {
      Object.assign(element.dataset, { id, part, state });
      element.title = title;
    });
  }

  #renderTable() {
    const all = this.app.faults.list;
    const shown = all.slice(-MAX_ROWS).reverse();
    setText(this.card.querySelector('.count'), all.length > MAX_ROWS ? `newest ${MAX_ROWS} of ${formatCount(all.length)}` : formatCount(all.length));
    const ids = new Set(shown.map((f) => f.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    for (const [i, fault] of shown.entries()) {
      let row = this.rows.get(fault.id);
      if (row?.dataset.last !== String(fault.last_frame)) { // a new one, or one that is ended early
        row?.remove();
        this.rows.set(fault.id, row = this.#row(fault));
      }
      if (this.body.children[i] !== row) this.body.insertBefore(row, this.body.children[i] ?? null);
      row.dataset.state = fault.state;
      setText(row.querySelector('.state .badge'), STATES[fault.state]);
      setText(row.querySelector('.reason'), fault.reason ?? '');
    }
  }

  #row(fault) {
    const { api, clock } = this.app;
    const row = document.createElement('tr');
    row.setAttribute('role', 'row');
    Object.assign(row.dataset, { id: fault.id, last: fault.last_frame });
    const cell = (name, label, ...content) => {
      const td = element('td', name);
      td.setAttribute('role', 'cell');
      td.dataset.label = label;
      td.append(...content);
      row.append(td);
    };
    const { frame, last_frame: last } = fault;
    const button = element('button', 'go', fault.id);
    button.type = 'button';
    button.setAttribute('aria-label', `Show ${fault.id} at ${clock.timecode(frame)}`);
    const link = element('a', '', frame === last ? String(frame) : `${frame}–${last}`);
    link.href = api.path('frames', { from: frame, to: last });
    link.setAttribute('aria-label', `Records of ${link.textContent}`);
    const decoy = element('span', 'badge decoy', 'decoy');
    decoy.hidden = !fault.decoy;
    cell('name', 'Fault', button, element('span', 'id', fault.kind), decoy);
    cell('layer', 'Layer', fault.layer);
    cell('time', 'HLS time', formatSeconds(clock.hlsNanos(frame)), element('span', 'unit', ' s'));
    cell('frame', 'Frames', link);
    cell('length', 'Length', formatCount(last - frame + 1), element('span', 'unit', frame === last ? ' frame' : ' frames'));
    cell('state', 'State', element('span', 'reason'), element('span', 'badge'));
    return row;
  }

  // Faults make players stumble, which is what they are for: a line says over what.
  #met() {
    const times = new Map();
    for (const t of this.troubles.list) {
      const what = t.status ? `${t.what} (${t.status})` : t.what;
      times.set(what, (times.get(what) ?? 0) + t.times);
    }
    const met = this.card.querySelector('.met');
    met.hidden = times.size === 0;
    setText(met.lastChild, [...times].slice(0, MAX_MET).map(([what, n]) => (n > 1 ? `${what} ${n}×` : what)).join(' · '));
  }
}

function element(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
