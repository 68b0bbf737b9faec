// The page's keys. They work wherever the focus is, but for fields, and leave the keys of a focused control alone. They can be
// switched off (WCAG 2.1.4), and stay so.

const SEEK_SECONDS = 5;
const STORED = 'refstream.shortcuts';

export class Keyboard {
  /**
   * @param {App} app
   * @param {HTMLInputElement} box checked while the keys work
   */
  constructor(app, box) {
    const seek = (seconds) => () => app.player.seek(app.video.currentTime + seconds);
    this.actions = {
      ' ': () => app.player.toggle(),
      k: () => app.player.toggle(),
      ArrowLeft: seek(-SEEK_SECONDS),
      ArrowRight: seek(SEEK_SECONDS),
      ',': () => app.step(-1),
      '.': () => app.step(1),
      '[': () => app.neighbour(-1),
      ']': () => app.neighbour(1),
      p: () => app.neighbour(-1),
      n: () => app.neighbour(1),
      l: () => app.player.goLive(),
      m: () => app.sound.toggle(),
      f: () => app.status.toggleFullscreen(),
      // What changes the stream for everybody takes two keys.
      'Shift+e': () => app.trigger.fire(),
    };
    this.box = box;
    box.checked = recall() !== 'off';
    box.addEventListener('change', () => {
      remember(box.checked ? 'on' : 'off');
      this.#show();
    });
    this.#show();
    document.addEventListener('keydown', (event) => this.#onKey(event));
  }

  #show() {
    this.box.closest('.keys').querySelector('.list').hidden = !this.box.checked;
  }

  #onKey(event) {
    if (!this.box.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { target } = event;
    if (target.closest('input:not([type=checkbox]), textarea, select')) return;
    // Space presses the control or opens the link that has the focus.
    if (event.key === ' ' && target.closest('button, a, summary, input')) return;
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = this.actions[event.shiftKey && /^[a-z]$/.test(letter) ? `Shift+${letter}` : letter];
    if (!action || (event.repeat && !/^(Arrow|[,.])/.test(event.key))) return;
    event.preventDefault();
    action();
  }
}

// A browser may keep pages from storing anything.
function recall() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    localStorage.setItem(STORED, value);
  } catch {
    // Then the choice holds until the page is closed.
  }
}
