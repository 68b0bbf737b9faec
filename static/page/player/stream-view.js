// Shows the state of a StreamPlayer: the pill and the banner, the facts beside the picture, and the list of errors.

import { formatAgo } from '../clocks.js';

const BUFFERING_MS = 1500;

const TEXTS = {
  connecting: ['Connecting', 'Connecting to the stream…'],
  live: ['Live', ''],
  playing: ['Playing', ''],
  paused: ['Paused', ''],
  buffering: ['Buffering', 'Buffering…'],
  waiting: ['Waiting', 'The playlist stands still'],
  ended: ['Ended', ''],
  down: ['Retrying', 'Playback broke off, trying again…'],
};

export class StreamView {
  constructor(document, player, troubles) {
    this.player = player;
    this.troubles = troubles;
    this.document = document;
    this.facts = new Map([...document.querySelectorAll('[data-fact]')].map((e) => [e.dataset.fact, e]));
    this.pill = document.getElementById('pill');
    this.banner = document.getElementById('banner');
    this.card = document.getElementById('troubles');
    this.shown = -1;
  }

  /** What can't be helped: the banner says so and stays. */
  fatal(title, detail) {
    this.player.video.controls = false;
    this.fatalText = [title, detail];
    this.render();
  }

  get state() {
    const { player } = this;
    const { video, stalled } = player;
    if (!player.begun) return 'connecting';
    if (player.ended) return 'ended';
    if (player.broken !== null && (stalled > 0 || video.readyState < 3)) return 'down';
    if (video.paused) return 'paused';
    if (video.readyState < 2) return 'connecting';
    if (stalled > BUFFERING_MS) return player.latency !== null && player.latency < 1 ? 'waiting' : 'buffering';
    return player.live ? 'live' : 'playing';
  }

  render() {
    const { player, state } = this;
    const [pill, title] = TEXTS[state];
    this.document.body.dataset.connection = state;
    this.pill.dataset.state = this.fatalText ? 'stopped' : state;
    setText(this.pill.querySelector('span'), this.fatalText ? 'Stopped' : pill);
    const [text, detail] = this.fatalText ?? [title, this.#detail(state)];
    this.banner.hidden = !text;
    setText(this.banner.querySelector('strong'), text);
    setText(this.banner.querySelector('span'), detail);
    this.banner.querySelector('i').hidden = Boolean(this.fatalText);
    this.banner.classList.toggle('small', player.video.readyState >= 2 && !this.fatalText);
    this.#renderFacts();
    this.#renderTroubles();
  }

  #detail(state) {
    const [last] = this.troubles.list;
    if (state === 'waiting') return 'It plays on by itself as soon as there is more.';
    if (!last || (state !== 'connecting' && state !== 'down')) return '';
    return `${last.what}${last.status ? ` (${last.status})` : ''}. It goes on by itself as soon as it can.`;
  }

  #set(name, text) {
    setText(this.facts.get(name), text);
  }

  #renderFacts() {
    const { player } = this;
    const { video, hls } = player;
    const date = player.dateTime === null ? null : new Date(player.dateTime).toISOString();
    this.#set('time', date ? date.slice(11, 23) : player.begun ? 'none' : '–');
    this.#set('date', date ? `${date.slice(0, 10)} UTC` : '–');
    this.#set('latency', player.latency !== null ? seconds(player.latency) : player.live === false ? 'not live' : '–');
    this.#set('buffer', player.begun ? seconds(player.bufferAhead) : '–');
    this.#set('position', player.begun ? `${video.currentTime.toFixed(2)} s` : '–');
    const from = player.windowStart;
    this.#set('window', from === null || player.edge === null ? '–' : formatAgo(player.edge - from));
    const level = hls?.levels[hls.currentLevel];
    this.#set('level', level ? `${hls.currentLevel + 1} of ${hls.levels.length}` : '–');
    this.#set('size', video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : '–');
    const audio = hls?.audioTracks[hls.audioTrack]?.name;
    this.#set('codecs', [level?.attrs?.CODECS ?? level?.codecs ?? level?.codecSet, audio && `audio ${audio}`].filter(Boolean).join(' · ') || '–');
    this.#set('bitrate', !player.begun ? '–' : level?.bitrate ? bits(level.bitrate) : 'not told');
    this.#set('bandwidth', hls && player.begun && hls.bandwidthEstimate > 0 ? bits(hls.bandwidthEstimate) : '–');
    const here = player.details?.fragments.find((f) => f.start <= video.currentTime && video.currentTime < f.end);
    this.#set('segment', here ? String(here.sn) : '–');
    const quality = video.getVideoPlaybackQuality?.();
    this.#set('dropped', quality?.totalVideoFrames ? `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}` : '–');
  }

  #renderTroubles() {
    const { list, total } = this.troubles;
    if (this.shown === total) return;
    this.shown = total;
    setText(this.card.querySelector('.count'), String(total));
    this.card.querySelector('table').hidden = total === 0;
    this.card.querySelector('.none').hidden = total > 0;
    this.card.querySelector('tbody').replaceChildren(...list.map((t) => {
      const row = this.document.createElement('tr');
      row.dataset.fatal = String(t.fatal);
      const cells = [['what', t.what], ['status', t.status || '–'], ['segment', t.segment || '–'], ['file', fileOf(t.url)],
        ['times', `${t.times}×`], ['at', formatAgo(t.at)]];
      row.append(...cells.map(([name, text]) => {
        const cell = this.document.createElement('td');
        cell.className = name;
        cell.textContent = text;
        cell.classList.toggle('empty', text === '–');
        return cell;
      }));
      row.querySelector('.file').title = t.url;
      return row;
    }));
  }
}

// Path and query of an address on this host, the whole of any other.
function fileOf(address) {
  if (!address) return '–';
  try {
    const url = new URL(address, location.href);
    return url.origin === location.origin ? url.pathname + url.search : url.href;
  } catch {
    return address;
  }
}

function seconds(s) {
  return `${s.toFixed(1)} s`;
}

function bits(rate) {
  return rate >= 1e6 ? `${(rate / 1e6).toFixed(2)} Mbit/s` : `${Math.round(rate / 1e3)} kbit/s`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
