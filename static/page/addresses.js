// The addresses of the stream, in every form that this server offers, each with a button that copies it.

import { formsOf } from './player/forms.js';

const POLL_MS = 10_000;
const COPIED_MS = 2000;

// What the server calls its outputs, in words.
const OUTPUTS = {
  'http-ts': 'MPEG-TS over HTTP', 'http-flv': 'FLV over HTTP', 'tcp-ts': 'MPEG-TS over TCP', rtmp: 'RTMP',
  push: 'Pushed to', relay: 'Relayed to',
};

// An output that listens on every address of its machine can be reached under the page's host.
const EVERYWHERE = /^(\w+:\/\/)(?:0\.0\.0\.0|\[::\])(?=[:/]|$)/;

/**
 * @param {object} channel what streamsOf gives, or an entry of /channels
 * @param {boolean} several whether the server has other channels: then the data's addresses name this one
 * @param {string} base the address of the page
 * @param {number|null} second a second of the stream whose sound can be had
 * @returns {{name: string, address: string, state: string, link: boolean}[]} link: a browser can open the address
 */
export function addressesOf(channel, several, base, second = null) {
  const { hostname } = new URL(base);
  const name = encodeURIComponent(channel.channel);
  const here = (what, path) => ({ name: what, address: new URL(path, base).href, state: '', link: true });
  const twin = (channel.source ?? channel.channel) !== channel.channel;
  const data = (what, path) => here(what, several ? `${path}?channel=${encodeURIComponent(channel.source ?? channel.channel)}` : path);
  const faults = !twin ? [] : [here('Faults', `faults?channel=${name}`), here('Faults as they happen (SSE)', `faults/stream?channel=${name}`)];
  const outputs = (channel.outputs ?? []).map(({ kind, name: address, state }) => {
    const what = OUTPUTS[kind] ?? kind;
    // A path of this server begins with a slash, and the page may lie below one.
    if (kind.startsWith('http-')) return here(what, address.replace(/^\//, ''));
    return { name: what, address: address.replace(EVERYWHERE, `$1${hostname}`), state: state === 'listening' ? '' : state, link: false };
  });
  const forms = Object.values(formsOf(channel, twin)).flatMap(({ label, playlist, media, manifest }) => (manifest
    ? [here('DASH, manifest', `dash/${name}/${manifest}`)]
    : [here(`${label}, multivariant playlist`, `hls/${name}/${playlist}`), here(`${label}, media playlist`, `hls/${name}/${media}`)]));
  const sound = channel.audio && second !== null ? [data(`Reference sound of second ${second} (WAV)`, `audio/${second}.wav`)] : [];
  return [
    ...forms, ...outputs, ...faults, ...sound,
    data('Markers', 'markers'), data('Markers as they come (SSE)', 'markers/stream'), data('Frames', 'frames'),
    data('Segments', 'segments'), data('Clocks', 'clocks'), data('Detections', 'detections'),
  ];
}

/** Copies a text; also where the browser keeps its clipboard for pages with TLS and those of this machine. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'hidden';
    document.body.append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    return copied;
  }
}

export class Addresses {
  /**
   * @param {HTMLElement} root holds a dl, .note and a status; and the part data-version
   * @param {object} model api, isUp(), channels, second()
   */
  constructor(root, model) {
    this.root = root;
    this.model = model;
    this.list = root.querySelector('dl');
    this.said = root.querySelector('[role=status]');
    this.shown = '';
    this.second = null;
  }

  start() {
    this.#ask();
    setInterval(() => this.#ask(), POLL_MS);
  }

  async #ask() {
    if (this.asking || !this.model.isUp()) return;
    this.asking = true;
    try {
      const { channels } = this.model;
      const [version] = await Promise.all([this.model.api.version(), channels.ask()]);
      this.root.querySelector('[data-version]').textContent = `refstream ${version}`.trim();
      const { entry, streams } = channels;
      this.second ??= this.model.second();
      if (entry) this.#render(addressesOf(entry, streams.length > 1, document.baseURI, this.second), !entry.outputs);
    } catch {
      // The server is away: what was shown stays, and the next poll asks again.
    } finally {
      this.asking = false;
    }
  }

  #render(addresses, elsewhere) {
    const text = JSON.stringify(addresses);
    if (text === this.shown) return; // a row that is selected or has the focus stays
    this.shown = text;
    this.root.querySelector('.note').hidden = !elsewhere;
    this.list.replaceChildren(...addresses.map((a) => this.#row(a)));
  }

  #row({ name, address, state, link }) {
    const shown = element(link ? 'a' : 'code', address);
    if (link) shown.href = address;
    const button = element('button', 'Copy');
    button.type = 'button';
    button.setAttribute('aria-label', `Copy: ${name}`);
    button.addEventListener('click', async () => {
      const copied = await copy(address);
      this.said.textContent = copied ? `${name}: copied` : `${name}: the browser does not let it be copied`;
      button.textContent = copied ? 'Copied' : 'Not copied';
      setTimeout(() => { button.textContent = 'Copy'; }, COPIED_MS);
    });
    const term = element('dt', name);
    if (state) term.append(' ', element('small', state));
    const data = element('dd', '');
    data.append(shown, button);
    const row = document.createElement('div');
    row.append(term, data);
    return row;
  }
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
