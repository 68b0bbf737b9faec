import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keyboard } from '../page/keyboard.js';

// A page with the box that switches the keys off, and an app that notes what it is asked for.
function page(stored, broken = false) {
  const done = [];
  const note = (name) => () => { done.push(name); };
  const list = { hidden: false };
  const box = new EventTarget();
  Object.assign(box, { checked: true, closest: () => ({ querySelector: () => list }) });
  globalThis.document = new EventTarget();
  globalThis.localStorage = {
    getItem() { if (broken) throw new Error('denied'); return stored.value ?? null; },
    setItem(_, value) { if (broken) throw new Error('denied'); stored.value = value; },
  };
  new Keyboard({
    video: { currentTime: 0 },
    player: { toggle: note('play'), seek: note('seek'), goLive: note('live') },
    sound: { toggle: note('sound') },
    step: note('step'), neighbour: note('marker'), status: { toggleFullscreen: note('full') }, trigger: { fire: note('trigger') },
  }, box);
  const press = (key, options = {}, on = '') => {
    const event = new Event('keydown');
    Object.assign(event, { key, shiftKey: false, repeat: false, ...options });
    Object.defineProperty(event, 'target', { value: { closest: (selector) => (on && selector.split(', ').includes(on) ? {} : null) } });
    document.dispatchEvent(event);
    return done.splice(0);
  };
  const turn = (on) => {
    box.checked = on;
    box.dispatchEvent(new Event('change'));
  };
  return { press, turn, box, list };
}

test('M is for sound, and only Shift and E together trigger an event', () => {
  const { press } = page({});
  assert.deepEqual(press('m'), ['sound']);
  assert.deepEqual(press('E', { shiftKey: true }), ['trigger']);
  assert.deepEqual(press('e', { shiftKey: true }), ['trigger'], 'with caps lock');
  for (const [key, options] of [
    ['e'], ['E'], ['M', { shiftKey: true }], ['E', { shiftKey: true, ctrlKey: true }], ['E', { shiftKey: true, repeat: true }],
  ]) assert.deepEqual(press(key, options), [], `${key} ${JSON.stringify(options)}`);
  assert.deepEqual(press('L'), ['live'], 'with caps lock');
  assert.deepEqual(press(' '), ['play']);
  assert.deepEqual(press(' ', {}, 'input'), [], 'a checkbox keeps its key');
  assert.deepEqual(press('l', {}, 'textarea'), []);
});

test('the keys can be switched off, and stay so', () => {
  const stored = {};
  const first = page(stored);
  assert.equal(stored.value, undefined);
  first.turn(false);
  assert.ok(first.list.hidden);
  for (const key of ['m', 'k', ' ', 'ArrowLeft', '.']) assert.deepEqual(first.press(key), [], key);
  assert.deepEqual(first.press('E', { shiftKey: true }), []);
  const again = page(stored);
  assert.deepEqual([again.box.checked, again.list.hidden, again.press('k')], [false, true, []]);
  again.turn(true);
  assert.deepEqual(again.press('k'), ['play']);
  assert.equal(page(stored).box.checked, true);
});

test('where nothing can be stored the keys work, and can be switched off', () => {
  const { press, turn } = page({}, true);
  assert.deepEqual(press('k'), ['play']);
  turn(false);
  assert.deepEqual(press('k'), []);
});
