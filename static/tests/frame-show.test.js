import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameShow } from '../page/check/frame-show.js';

// A player of 25 frames a second, whose playlist's times are so many frames off until a segment is loaded by the `loads`th seek.
class FakePlayer {
  constructor({ off = 0, loads = 1, unread = 0, pictures = 0 } = {}) {
    Object.assign(this, { off, loads, unread, pictures, seeks: [], isPaused: false, time: 0 });
  }

  pause() {
    this.isPaused = true;
  }

  paused() {
    return this.isPaused;
  }

  position() {
    return this.time;
  }

  fps() {
    return 25;
  }

  seekTimeOf(n) {
    if (n > 1000) return null;
    const off = this.seeks.length < this.loads ? this.off : 0;
    return (n + off + 0.5) / 25;
  }

  async still(time) {
    this.time = time;
    this.seeks.push(time);
    this.during?.();
    if (this.seeks.length <= this.unread) return null;
    return Math.floor(time * 25 + 1e-6) + this.pictures;
  }
}

test('the frame that was asked for is shown, though times are known to the frame only when a segment is loaded', async () => {
  for (const options of [{}, { off: 2 }, { off: -2, loads: 2 }, { off: 1, loads: 99 }, { unread: 3 }, { pictures: 1 }, { pictures: -3, unread: 2 }]) {
    const player = new FakePlayer(options);
    assert.equal(await new FrameShow(player).show(100), true, JSON.stringify(options));
    assert.equal(Math.floor(player.time * 25 + 1e-6) + player.pictures, 100, JSON.stringify(options));
    assert.ok(player.isPaused);
  }
});

test('what can’t be read is not said to be shown', async () => {
  assert.equal(await new FrameShow(new FakePlayer({ unread: 99 })).show(100), false);
  assert.equal(await new FrameShow(new FakePlayer({ pictures: 500 })).show(100), false);
  assert.equal(await new FrameShow(new FakePlayer()).show(1001), null);
});

test('another choice, a seek or playing on ends it', async () => {
  for (const during of [
    (player) => { player.isPaused = false; },
    (player) => { player.time += 3; },
    (player, show) => { player.during = null; player.second = show.show(200); },
  ]) {
    const player = new FakePlayer({ unread: 1 });
    const show = new FrameShow(player);
    player.during = () => during(player, show);
    assert.equal(await show.show(100), null);
    if (player.second) assert.equal(await player.second, true);
  }
});
