// Shows the self-check: the error in frames, the three numbers, the counts, and the last samples as a strip of bars.

import { formatCount } from '../clocks.js';
import { HISTORY, overall } from './self-check.js';

// The page's states without a stream, and how long after the last picture nothing is checked.
const NO_STREAM = new Set(['down', 'stopped', 'nochannel']);
const IDLE_MS = 2000;

export class SelfCheckView {
  /** @param {HTMLElement} root the card; its parts carry data-check attributes */
  constructor(root, selfCheck) {
    this.root = root;
    this.check = selfCheck;
    this.part = (name) => root.querySelector(`[data-check="${name}"]`);
    this.rendered = 0;
    this.renderedAt = 0;
    this.idle = false;
    this.canvas = this.part('history');
    this.colours = null;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', () => { this.colours = null; this.#draw(); });
    addEventListener('resize', () => this.#draw());
    this.#draw();
  }

  /**
   * Shows what is known now; called ten times a second.
   * @param {string} connection the page's state: without a stream nothing is checked, once what is buffered has been
   */
  render(connection) {
    const { samples, exact, errors, faulty, unknown, stride, history } = this.check;
    if (samples === this.rendered) {
      if (NO_STREAM.has(connection) && performance.now() - this.renderedAt > IDLE_MS) this.#notChecked();
      return;
    }
    this.rendered = samples;
    this.renderedAt = performance.now();
    this.idle = false;
    const shown = overall(history);
    this.root.dataset.verdict = shown.verdict;
    this.part('error').textContent = shown.verdict === 'unknown' || shown.error === null ? '–' : formatCount(shown.error);
    this.part('verdict').textContent = { exact: 'Exact', wrong: 'Mismatch', faulty: 'Faulty, as labelled', unknown: 'Not known' }[shown.verdict];
    this.part('of').textContent = shown.fault ? `${shown.fault.id}: ${shown.fault.kind}` : 'error in frames';
    for (const name of ['pixels', 'sei', 'media']) {
      const cell = this.part(name);
      cell.textContent = shown[name] === null ? 'not known' : String(shown[name]);
      cell.classList.toggle('unknown', shown[name] === null);
    }
    this.part('samples').textContent = formatCount(samples);
    this.part('exact').textContent = formatCount(exact);
    this.part('wrong').textContent = formatCount(errors);
    this.part('unknown').textContent = formatCount(unknown);
    this.part('faulty').textContent = formatCount(faulty);
    this.part('faulty-box').hidden &&= faulty === 0;
    this.part('errors-box').classList.toggle('bad', errors > 0);
    this.part('stride').textContent = stride === 1 ? 'every displayed frame' : `one displayed frame in ${stride}`;
    this.#draw();
  }

  // The last results are of a picture that nobody sends any more.
  #notChecked() {
    if (this.idle || this.rendered === 0) return;
    this.idle = true;
    this.root.dataset.verdict = 'unknown';
    this.part('error').textContent = '–';
    this.part('verdict').textContent = 'Not checked';
    this.part('of').textContent = 'error in frames';
    this.part('stride').textContent = 'there is no stream';
    for (const name of ['pixels', 'sei', 'media']) {
      this.part(name).textContent = 'not known';
      this.part(name).classList.add('unknown');
    }
  }

  /** Says that nothing can be checked in this browser. */
  unsupported() {
    this.part('verdict').textContent = 'Not known';
    this.part('stride').textContent = 'this browser does not tell which frame it shows';
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth) return;
    const width = Math.round(clientWidth * ratio);
    const height = Math.round(clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.colours ??= readColours(this.root);
    const context = this.canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    const step = width / HISTORY;
    const { history } = this.check;
    for (const [i, { verdict, error }] of history.entries()) {
      const x = width - (history.length - i) * step;
      // An exact frame is a low bar on the base line; an error rises with its size, and is never small enough to miss.
      const tall = verdict === 'wrong' ? Math.min(1, 0.5 + error / 20) : { exact: 0.3, faulty: 0.45, unknown: 0.12 }[verdict];
      context.fillStyle = this.colours[verdict];
      context.fillRect(x, height * (1 - tall), Math.max(1, step * 0.7), height * tall);
    }
  }
}

function readColours(root) {
  const style = getComputedStyle(root);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { exact: colour('--ok'), wrong: colour('--bad'), faulty: colour('--warn'), unknown: colour('--faint') };
}
