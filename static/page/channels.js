// The channels of the server and their faulty twins: which of them the page's address names, and links to the others.

/** What can be watched, by the answer of /channels: {channel: its name, source: the clean channel, whose truth holds, outputs, container, dash, audio}. */
export function streamsOf(channels) {
  return channels.flatMap(({ channel: source, outputs, container, dash, audio, twins = [] }) => [
    { channel: source, source, outputs, container, dash, audio },
    ...twins.map((t) => ({ channel: t.channel, source, outputs: t.outputs, dash, audio })),
  ]);
}

export class Channels {
  /**
   * @param {HTMLElement} nav holds a ul; hidden where there is nothing to choose
   * @param {Api} api is given the names
   * @param {string} asked what the address names, empty for the server's default
   */
  constructor(nav, api, asked) {
    this.nav = nav;
    this.api = api;
    this.asked = asked;
    this.streams = [];
    api.channel = asked;
  }

  /** The name of what is watched. */
  get current() {
    return this.api.twin || this.api.channel;
  }

  /** The names of what there is. */
  get names() {
    return this.streams.map((s) => s.channel);
  }

  /** What is watched; undefined where the server does not have it. */
  get entry() {
    return this.streams.find((s) => s.channel === this.current);
  }

  /** What there is to say where a twin is watched that the server has not any more; null otherwise. */
  get gone() {
    return this.api.twin && !this.entry ? { message: `there is no channel "${this.api.twin}" any more`, names: this.names } : null;
  }

  /** Asks what there is, and finds out whether a twin is meant. */
  async ask() {
    this.streams = streamsOf(await this.api.channels());
    const twin = this.streams.find(({ channel, source }) => channel === this.asked && channel !== source);
    if (twin) Object.assign(this.api, { twin: twin.channel, channel: twin.source });
    this.#render();
  }

  /** A message of the server's and the names of what there is; null where it gives none, which is no answer of refstream's. */
  async instead(message) {
    try {
      await this.ask();
      return { message, names: this.names };
    } catch {
      return null;
    }
  }

  #render() {
    this.nav.hidden = this.streams.length < 2;
    const text = JSON.stringify([this.current, this.names]);
    if (text === this.shown) return; // a link that has the focus stays
    this.shown = text;
    this.nav.querySelector('ul').replaceChildren(...this.streams.map(({ channel, source }) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = `?channel=${encodeURIComponent(channel)}`;
      link.textContent = channel;
      if (channel === this.current) link.setAttribute('aria-current', 'page');
      if (channel !== source) {
        const note = document.createElement('small');
        note.textContent = 'faulty';
        link.append(' ', note);
      }
      item.append(link);
      return item;
    }));
  }
}
