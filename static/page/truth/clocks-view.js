// The clocks card: GEN, HLS and CLIENT side by side, ticking, and what they mean for the frame on screen.

import { formatDate, formatLag, formatSeconds, formatUtc, parseUtc } from '../clocks.js';

// The generator's clock is asked for once a second; in between it is carried on, but not for longer than this.
const MAX_CARRY_MS = 2500;

export class ClocksView {
  /** @param {HTMLElement} root parts carry data-clock; @param {object} app info, infoAt, clock, video, shown */
  constructor(root, app) {
    this.app = app;
    this.parts = new Map([...document.querySelectorAll('[data-clock]')].map((e) => [e.dataset.clock, e]));
    this.root = root;
  }

  paint() {
    if (!this.app.clock) return;
    this.#generator();
    this.#client();
  }

  #set(name, text) {
    const part = this.parts.get(name);
    if (part.textContent !== text) part.textContent = text;
  }

  // The newest frame, carried on by the time since the answer: a generator that runs makes frames at its rate.
  #generator() {
    const { info, infoAt, clock } = this.app;
    const latest = info.latest;
    const gen = latest ? parseUtc(latest.gen_time) : null;
    if (gen === null) {
      for (const name of ['gen', 'hls', 'gen-note', 'hls-note']) this.#set(name, '–');
      return;
    }
    const running = this.app.serverLive();
    const carry = running ? Math.min(performance.now() - infoAt, MAX_CARRY_MS) : 0;
    const frames = Math.floor((carry / 1000) * clock.fps);
    const frame = latest.frame + frames;
    this.#set('gen', formatUtc(gen + BigInt(Math.round(carry * 1e6))));
    this.#set('gen-note', `UTC · made frame ${frame}`);
    this.#set('hls', `${formatSeconds(clock.hlsNanos(frame))} s`);
    this.#set('hls-note', `GEN − HLS: ${formatLag(gen - clock.utcNanos(latest.frame))}`);
    this.root.classList.toggle('halted', !running);
  }

  #client() {
    const { video, clock, shown } = this.app;
    this.#set('client', `${video.currentTime.toFixed(3)} s`);
    const frame = this.app.currentFrame();
    if (frame === null) {
      for (const name of ['client-note', 'behind', 'timecode', 'frame', 'utc', 'date', 'frame-lag']) this.#set(name, '–');
      return;
    }
    const utc = clock.utcNanos(frame);
    this.#set('client-note', `shows ${formatUtc(utc)} UTC`);
    this.#set('timecode', clock.timecode(frame));
    this.#set('frame', String(frame));
    this.#set('utc', formatUtc(utc));
    this.#set('date', `${formatDate(utc)} UTC`);
    const behind = this.app.behindLive();
    this.#set('behind', behind === null ? '–' : `${behind.toFixed(1)} s`);
    const record = shown.record;
    const lag = record?.genNanos != null ? record.genNanos - clock.utcNanos(record.frame) : null;
    this.#set('frame-lag', lag === null ? 'unknown' : formatLag(lag));
  }
}
