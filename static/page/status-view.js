// What the page says of its own state: the pill in the header, the banner over the video, the controls, short notes.

import { sentence } from './api.js';
import { formatAgo } from './clocks.js';

// One lost answer is no outage.
const MISSED_FOR_DOWN = 2;
const BUFFERING_MS = 1500;
const TOAST_MS = 3000;

const TEXTS = {
  connecting: ['Connecting', 'Connecting to the stream…', ''],
  live: ['Live', '', ''],
  replay: ['Seeking back', '', ''],
  paused: ['Paused', '', ''],
  buffering: ['Buffering', 'Buffering…', ''],
  stopped: ['Stopped', 'The stream has stopped', 'It plays on by itself as soon as it is back.'],
  down: ['Offline', 'The server is down, retrying…', 'It plays on by itself as soon as the server is back.'],
  nochannel: ['No channel', '', ''],
};

export class StatusView {
  constructor(document, app) {
    const $ = (id) => document.getElementById(id);
    this.app = app;
    this.connection = 'connecting';
    this.pill = $('pill');
    this.banner = $('banner');
    this.play = $('play');
    this.live = $('live');
    this.note = $('toast');
    this.facts = $('facts');
    this.startOver = $('start');
    this.onscreen = $('onscreen');
    this.gaps = $('gaps');
    this.choices = this.banner.querySelector('.choices');
    const press = (id, action) => $(id).addEventListener('click', action);
    press('play', () => app.player.toggle());
    press('start', () => app.player.play());
    press('live', () => app.player.goLive());
    press('back', () => app.player.seek(app.video.currentTime - 10));
    press('forward', () => app.player.seek(app.video.currentTime + 10));
    press('step-back', () => app.step(-1));
    press('step', () => app.step(1));
    press('previous', () => app.neighbour(-1));
    press('next', () => app.neighbour(1));
    press('fullscreen', () => this.toggleFullscreen());
    app.video.addEventListener('click', () => app.player.toggle());
    app.video.addEventListener('dblclick', () => this.toggleFullscreen());
  }

  toggleFullscreen() {
    const stage = document.getElementById('stage');
    if (document.fullscreenElement) document.exitFullscreen();
    else stage.requestFullscreen?.().catch(() => {});
  }

  /** Writes what the stream is made of into the header. */
  describe(info, clock) {
    const segment = info.frames_per_segment / clock.fps;
    const facts = [
      ['Channel', info.channel], ['Size', `${info.width}×${info.height}`],
      ['Rate', `${Number(clock.fps.toFixed(3))} fps`], ['Segment', `${Number(segment.toFixed(3))} s`], ['Seed', String(info.seed)],
    ];
    this.facts.replaceChildren(...facts.map(([name, value]) => {
      const item = document.createElement('div');
      const term = document.createElement('dt');
      const data = document.createElement('dd');
      term.textContent = name;
      data.textContent = value;
      item.append(term, data);
      return item;
    }));
    document.title = `${info.channel} · refstream`;
  }

  fatal(text) {
    this.fatalText = text;
    this.render();
  }

  render() {
    const { app } = this;
    const { player, video } = app;
    let state = 'live';
    if (app.missedAnswers >= MISSED_FOR_DOWN) state = 'down';
    else if (app.noChannel) state = 'nochannel';
    else if (!app.info) state = 'connecting';
    else if (!app.info.live || player.stopped) state = 'stopped';
    else if (player.failed && !player.begun) state = 'connecting';
    else if (player.failed) state = 'down';
    else if (video.readyState < 2) state = 'connecting';
    else if (video.paused) state = 'paused';
    else if (player.stalled > BUFFERING_MS) state = 'buffering';
    else if (!player.atLive) state = 'replay';
    this.connection = state;
    const texts = state === 'nochannel' ? noChannelTexts(app.noChannel) : TEXTS[state];
    const [pill, title, detail] = state === 'down' && app.isUp() ? brokenTexts(player.broken) : texts;
    document.body.dataset.connection = state;
    this.pill.dataset.state = state;
    setText(this.pill.querySelector('span'), pill);
    this.banner.hidden = !title && !this.fatalText;
    setText(this.banner.querySelector('strong'), this.fatalText ? 'This browser can’t play the stream' : title);
    setText(this.banner.querySelector('span'), this.fatalText || detail);
    this.banner.querySelector('i').hidden = state === 'nochannel';
    this.#renderChoices(app.noChannel?.names ?? []);
    // While frames from the buffer can still be seen, the banner leaves the picture free.
    this.banner.classList.toggle('small', video.readyState >= 2);
    this.startOver.hidden = state !== 'paused' || video.currentTime > 0.5 && video.played.length > 0;
    this.renderControls();
  }

  renderControls() {
    const { player, video, shown, feed } = this.app;
    const paused = video.paused;
    this.play.classList.toggle('paused', paused);
    this.play.setAttribute('aria-label', paused ? 'Play' : 'Pause');
    const atLive = player.atLive;
    this.live.classList.toggle('on', atLive && this.connection === 'live');
    const behind = atLive ? null : this.app.behindLive();
    setText(this.live.querySelector('span'), atLive ? 'Live' : behind === null ? 'Go live' : `Go live · −${formatAgo(behind)}`);
    const now = feed.list.findLast((m) => shown.frame >= m.frame && shown.frame <= m.last_frame);
    this.onscreen.hidden = !now;
    if (now) setText(this.onscreen, now.text || now.id);
  }

  // Links to the channels that there are.
  #renderChoices(names) {
    this.choices.hidden = names.length === 0;
    if (this.choices.textContent === names.join('')) return;
    this.choices.replaceChildren(...names.map((name) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = `?channel=${encodeURIComponent(name)}`;
      link.textContent = name;
      item.append(link);
      return item;
    }));
  }

  /** Says in a line which gaps the playlist has. */
  renderGaps(text) {
    this.gaps.hidden = text === '';
    setText(this.gaps, text);
  }

  clearToast() {
    setText(this.note, '');
    this.note.classList.remove('on');
  }

  /** A short note that goes away by itself. */
  toast(text) {
    setText(this.note, text);
    this.note.classList.add('on');
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => this.note.classList.remove('on'), TOAST_MS);
  }
}

// What the server says of the channel, as a sentence.
function noChannelTexts({ message, names }) {
  const detail = names.length === 0 ? 'It has no channel yet. The page plays by itself as soon as there is this one.' : 'This server has:';
  return [TEXTS.nochannel[0], sentence(message), detail];
}

// The server answers, and yet nothing can be played: as with a faulty playlist.
function brokenTexts(what) {
  return ['Retrying', 'Playback broke off, trying again…', sentence(what ?? '')];
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
