// The choice of what is played: HLS in one of the channel's containers or DASH, and which rendition.

import { formsOf } from './forms.js';

export class Choices {
  /**
   * @param {HTMLElement} form
   * @param {HTMLElement} quality each holds a select
   * @param {ChannelPlayer} player
   * @param {(message: string) => void} onError called where a form can't be played
   */
  constructor(form, quality, player, onError) {
    this.form = form;
    this.quality = quality;
    this.player = player;
    this.forms = {};
    let taken = '';
    this.#on(form, async (name) => {
      try {
        await player.take(this.forms[name]);
        taken = name;
      } catch (error) {
        form.querySelector('select').value = taken || Object.keys(this.forms)[0];
        onError(error.message);
      }
    });
    this.#on(quality, (value) => player.chooseLevel(Number(value)));
    player.addEventListener('levels', () => this.#renderLevels());
  }

  #on(label, choose) {
    const select = label.querySelector('select');
    // Keys of the page are for the select while it has the focus.
    select.addEventListener('change', () => choose(select.value));
  }

  offer(channel, twin) {
    this.forms = formsOf(channel, twin);
    if (!globalThis.Hls?.isSupported()) delete this.forms.dash; // it needs Media Source Extensions too
    const names = Object.keys(this.forms);
    fill(this.form, names.map((name) => [name, this.forms[name].label]), names[0]);
  }

  #renderLevels() {
    const { levels, level, auto } = this.player;
    const named = levels.map((l, i) => [String(i), `${l.width}×${l.height} · ${bitrate(l.bitrate)}`]);
    const now = levels[level];
    fill(this.quality, [['-1', auto && now ? `Auto (${now.width}×${now.height})` : 'Auto'], ...named], auto ? '-1' : String(level));
    this.quality.hidden = levels.length < 2;
  }
}

function bitrate(bits) {
  return bits >= 1e6 ? `${Number((bits / 1e6).toFixed(1))} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

// Fills a select in, hidden where there is no choice. One that is open stays.
function fill(label, options, chosen) {
  const select = label.querySelector('select');
  label.hidden = options.length < 2;
  if ([...select.options].map((o) => o.value).join() !== options.map(([value]) => value).join()) {
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  }
  options.forEach(([, text], i) => {
    if (select.options[i].text !== text) select.options[i].text = text;
  });
  select.value = chosen;
}
