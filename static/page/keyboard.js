// The page's keys. They work wherever the focus is, but for fields, and leave the keys of a focused control alone.

const SEEK_SECONDS = 5;

export class Keyboard {
  constructor(app) {
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
      m: () => app.trigger.fire(),
      f: () => app.status.toggleFullscreen(),
    };
    document.addEventListener('keydown', (event) => this.#onKey(event));
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { target } = event;
    if (target.closest('input, textarea, select')) return;
    // Space presses the button or opens the link that has the focus.
    if (event.key === ' ' && target.closest('button, a, summary')) return;
    const action = this.actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (event.repeat && !/^(Arrow|[,.])/.test(event.key))) return;
    event.preventDefault();
    action();
  }
}
