// The trigger: asks the server for an event now, and says when it will be seen.

import { sentence } from '../api.js';

// A planned event that has not come this long after its time is given up on.
const GIVE_UP_SECONDS = 45;

export class Trigger {
  /**
   * @param {HTMLFormElement} form with the fields text and token, a submit button and an output
   * @param {object} model api, feed, clock(), serverNow() ms|null, behindLive() seconds|null, isUp(), shownFrame()
   */
  constructor(form, model) {
    this.form = form;
    this.model = model;
    this.output = form.querySelector('output');
    this.button = form.querySelector('button');
    this.tokenField = form.querySelector('.token');
    this.planned = [];
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.fire();
    });
  }

  async fire() {
    if (this.busy) return;
    this.busy = true;
    this.button.setAttribute('aria-busy', 'true');
    const { text, token } = this.form.elements;
    try {
      const marker = await this.model.api.trigger({ text: text.value.trim(), token: token.value.trim() });
      text.value = '';
      this.tokenField.hidden = true;
      this.model.feed.addPending(marker);
      this.planned.push(marker);
      this.tick();
    } catch (error) {
      this.#explain(error);
    } finally {
      this.busy = false;
      this.button.removeAttribute('aria-busy');
    }
  }

  #explain(error) {
    if (error.status === 401) {
      this.tokenField.hidden = false;
      this.form.elements.token.focus();
      this.#say(this.form.elements.token.value ? 'The server refuses this token.' : 'This server asks for a token to trigger events.', 'bad');
    } else {
      // Also why this page may not trigger, as behind a proxy where the server has no token: none that is given here would help.
      this.#say(`No event. ${sentence(error.message)}`, 'bad');
    }
  }

  /** Takes back what was said. */
  clear() {
    this.#say('', '');
  }

  /** Follows the planned events; called about four times a second. */
  tick() {
    const clock = this.model.clock();
    const now = this.model.serverNow();
    if (!clock || now === null || !this.model.isUp()) return;
    for (const marker of [...this.planned]) {
      const due = Number(clock.utcNanos(marker.frame) / 1_000_000n);
      const confirmed = this.model.feed.byId.has(marker.id);
      if (confirmed && this.model.shownFrame() >= marker.frame) {
        this.#forget(marker);
        this.#say(`${marker.text || marker.id} is on screen.`, 'ok');
      } else if (now - due > GIVE_UP_SECONDS * 1000) {
        this.#forget(marker);
        if (!confirmed) this.#say(`${marker.text || marker.id} was planned but not confirmed.`, 'bad');
        this.model.feed.dropPending(marker.id);
      }
    }
    const next = this.planned[0];
    if (!next) return;
    const due = Number(clock.utcNanos(next.frame) / 1_000_000n);
    const behind = this.model.behindLive();
    const wait = behind === null ? null : Math.max(0, Math.ceil((due - now) / 1000 + behind));
    const state = this.model.feed.byId.has(next.id) ? 'In the stream' : 'Planned';
    const when = wait === null ? '' : wait === 0 ? ': on your screen any moment' : `: on your screen in about ${wait} s`;
    this.#say(`${state} at frame ${next.frame}${when}.`, 'busy');
  }

  #forget(marker) {
    this.planned = this.planned.filter((m) => m !== marker);
  }

  #say(text, kind) {
    // A countdown that is read out every second is a nuisance: only what differs in kind is announced.
    this.output.setAttribute('aria-live', kind === this.output.dataset.kind ? 'off' : 'polite');
    this.output.dataset.kind = kind;
    if (this.output.textContent !== text) this.output.textContent = text;
  }
}
