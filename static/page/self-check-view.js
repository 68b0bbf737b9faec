// Shows the self-check: the error in frames, the three numbers, the counts, and the last samples as a strip of bars.

import { formatCount } from './clocks.js';
import { HISTORY } from './self-check.js';

// Numbers that change with every frame can't be read; ten times a second they can.
const REFRESH_MS = 100;

export class SelfCheckView {
  /** @param {HTMLElement} root the card; its parts carry data-check attributes */
  constructor(root, selfCheck) {
    this.root = root;
    this.check = selfCheck;
    this.part = (name) => root.querySelector(`[data-check="${name}"]`);
    this.canvas = this.part('history');
    this.colours = null;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', () => { this.colours = null; this.#draw(); });
    addEventListener('resize', () => this.#draw());
    selfCheck.addEventListener('sample', () => this.#schedule());
    this.#draw();
  }

  #schedule() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.#render();
    }, REFRESH_MS);
  }

  #render() {
    const { samples, exact, errors, unknown, last, stride } = this.check;
    const verdict = last.error ? 'wrong' : last.error === 0 ? 'exact' : 'unknown';
    this.root.dataset.verdict = verdict;
    this.part('error').textContent = last.error === null ? '–' : formatCount(last.error);
    this.part('verdict').textContent = { exact: 'Exact', wrong: 'Mismatch', unknown: 'Not known' }[verdict];
    const numbers = [last.pixels, last.sei, last.media];
    for (const [i, name] of ['pixels', 'sei', 'media'].entries()) {
      const cell = this.part(name);
      cell.textContent = numbers[i] === null ? 'unknown' : String(numbers[i]);
      cell.classList.toggle('unknown', numbers[i] === null);
    }
    this.part('samples').textContent = formatCount(samples);
    this.part('exact').textContent = formatCount(exact);
    this.part('wrong').textContent = formatCount(errors);
    this.part('unknown').textContent = formatCount(unknown);
    this.part('errors-box').classList.toggle('bad', errors > 0);
    this.part('stride').textContent = stride === 1 ? 'every displayed frame' : `one displayed frame in ${stride}`;
    this.#draw();
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
