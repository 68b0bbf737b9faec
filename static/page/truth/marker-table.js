// The marker table: newest first, new ones highlighted, each row a way to the marker's first frame.

import { formatCount, formatLag, formatSeconds, formatUtc } from '../clocks.js';

// The newest this many are shown; all of them are in /markers.
const MAX_ROWS = 100;
const HIGHLIGHT_MS = 4000;

const PLACES = { left: 'left the window', ahead: 'not published yet', gap: 'its first frame is not in the stream' };
const MISSING = { all: 'not seen in the stream', some: 'partly missing' };

export class MarkerTable {
  /**
   * @param {HTMLElement} root holds tbody, .count and .none
   * @param {object} model markers() oldest first, pending(), clock(), placeOf(marker): 'here'|'left'|'ahead'|'gap',
   *   missingOf(marker): how much of it is not in the stream: 'all', 'some' or '', seekToMarker(id)
   */
  constructor(root, model) {
    this.model = model;
    this.body = root.querySelector('tbody');
    this.count = root.querySelector('.count');
    this.none = root.querySelector('.none');
    this.rows = new Map();
    this.body.addEventListener('click', (event) => {
      const row = event.target.closest('tr');
      // Text that is being selected is no click.
      if (row && !String(getSelection())) model.seekToMarker(row.dataset.id);
    });
    this.body.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** Brings the rows up to date; ids in `fresh` are highlighted for a moment. */
  render(fresh = new Set()) {
    const clock = this.model.clock();
    if (!clock) return;
    const all = this.model.markers();
    const shown = [...this.model.pending(), ...all.slice(-MAX_ROWS).reverse()].sort((a, b) => b.frame - a.frame);
    const ids = new Set(shown.map((m) => m.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    for (const [i, marker] of shown.entries()) {
      const pending = marker.genNanos === null && this.model.isPending(marker.id);
      let row = this.rows.get(marker.id);
      if (!row || row.dataset.pending !== String(pending)) {
        const made = makeRow(marker, clock, pending);
        row?.replaceWith(made);
        row = made;
        this.rows.set(marker.id, row);
      }
      if (this.body.children[i] !== row) this.body.insertBefore(row, this.body.children[i] ?? null);
      if (fresh.has(marker.id)) {
        row.classList.add('fresh');
        setTimeout(() => row.classList.remove('fresh'), HIGHLIGHT_MS);
      }
    }
    this.none.hidden = shown.length > 0;
    this.count.textContent = all.length > MAX_ROWS ? `newest ${MAX_ROWS} of ${formatCount(all.length)}` : formatCount(all.length);
    this.renderPlaces(null);
  }

  /** Marks the row whose event is on screen, and those that can't be gone to. */
  renderPlaces(frame) {
    if (frame !== null) this.frame = frame;
    const known = [...this.model.markers(), ...this.model.pending()];
    for (const marker of known) {
      const row = this.rows.get(marker.id);
      if (!row) continue;
      const place = this.model.placeOf(marker);
      row.dataset.place = place;
      this.#renderMissing(row, place, this.model.missingOf(marker));
      row.classList.toggle('current', this.frame >= marker.frame && this.frame <= marker.last_frame);
      const button = row.querySelector('button');
      button.title = place === 'here' ? 'Stop on its first frame' : PLACES[place];
      if (place === 'here') button.removeAttribute('aria-disabled');
      else button.setAttribute('aria-disabled', 'true');
    }
  }

  // What has not been published is not missing yet.
  #renderMissing(row, place, missing) {
    const text = (place !== 'ahead' && MISSING[missing]) || '';
    row.dataset.missing = text && missing;
    const badge = row.querySelector('.missing');
    if (badge.textContent !== text) badge.textContent = text;
    badge.hidden = text === '';
  }

  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest('tr');
    if (!step || !row) return;
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    next?.querySelector('button').focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

function makeRow(marker, clock, pending) {
  const row = document.createElement('tr');
  row.setAttribute('role', 'row');
  row.dataset.id = marker.id;
  row.dataset.kind = marker.kind;
  row.dataset.pending = String(pending);
  const cell = (name, label, text, unit = '') => {
    const td = document.createElement('td');
    td.setAttribute('role', 'cell');
    td.className = name;
    td.dataset.label = label;
    td.textContent = text;
    if (unit) td.append(element('span', 'unit', unit));
    row.append(td);
    return td;
  };
  const name = cell('name', 'Marker', '');
  const button = element('button', 'go', marker.text || marker.id);
  button.type = 'button';
  button.setAttribute('aria-label', `Show ${marker.text || marker.id} at ${clock.timecode(marker.frame)}`);
  name.append(button, element('span', 'id', marker.id));
  cell('timecode', 'Timecode', marker.timecode || clock.timecode(marker.frame));
  cell('time', 'HLS time', formatSeconds(clock.hlsNanos(marker.frame)), ' s');
  cell('utc', 'UTC', marker.utcNanos === null ? '–' : formatUtc(marker.utcNanos));
  cell('frame', 'Frame', String(marker.frame));
  cell('length', 'Length', formatCount(marker.frames), marker.frames === 1 ? ' frame' : ' frames');
  const kind = cell('kind', 'Kind', '');
  kind.append(element('span', 'badge missing', ''), element('span', 'badge', pending ? 'planned' : marker.kind));
  cell('lag', 'GEN lag', marker.genLag === null ? '–' : formatLag(marker.genLag));
  return row;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
