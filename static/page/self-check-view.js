// Shows the self-check: the error in frames, the three numbers, the counts, and the last samples as a strip of bars.

import { formatCount } from './clocks.js';
import { HISTORY, overall } from './self-check.js';

export class SelfCheckView {
  /** @param {HTMLElement} root the card; its parts carry data-check attributes */
  constructor(root, selfCheck) {
    this.root = root;
    this.check = selfCheck;
    this.part = (name) => root.querySelector(`[data-check="${name}"]`);
    this.rendered = 0;
    this.canvas = this.part('history');
    this.colours = null;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', () => { this.colours = null; this.#draw(); });
    addEventListener('resize', () => this.#draw());
    this.#draw();
  }

  /** Shows what is known now; called ten times a second. */
  render() {
    const { samples, exact, errors, unknown, stride, history } = this.check;
    if (samples === this.rendered) return;
    this.rendered = samples;
    const shown = overall(history);
    this.root.dataset.verdict = shown.verdict;
    this.part('error').textContent = shown.verdict === 'unknown' ? '–' : formatCount(shown.error);
    this.part('verdict').textContent = { exact: 'Exact', wrong: 'Mismatch', unknown: 'Not known' }[shown.verdict];
    for (const name of ['pixels', 'sei', 'media']) {
      const cell = this.part(name);
      cell.textContent = shown[name] === null ? 'not known' : String(shown[name]);
      cell.classList.toggle('unknown', shown[name] === null);
    }
    this.part('samples').textContent = formatCount(samples);
    this.part('exact').textContent = formatCount(exact);
    this.part('wrong').textContent = formatCount(errors);
    this.part('unknown').textContent = formatCount(unknown);
    this.part('errors-box').classList.toggle('bad', errors > 0);
    this.part('stride').textContent = stride === 1 ? 'every displayed frame' : `one displayed frame in ${stride}`;
    this.#draw();
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
      const tall = verdict === 'wrong' ? Math.min(1, 0.5 + error / 20) : verdict === 'exact' ? 0.3 : 0.12;
      context.fillStyle = this.colours[verdict];
      context.fillRect(x, height * (1 - tall), Math.max(1, step * 0.7), height * tall);
    }
  }
}

function readColours(root) {
  const style = getComputedStyle(root);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { exact: colour('--ok'), wrong: colour('--bad'), unknown: colour('--faint') };
}
