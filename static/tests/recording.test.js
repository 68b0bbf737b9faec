import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spansOf, summaryOf } from '../page/player/recording.js';

test('findings have their place in the recording, and none ends after it', () => {
  const found = (kind, replay_offset, amount, playlist) => ({ kind, text: 'what it is', playlist, replay_offset, amount });
  assert.deepEqual(spansOf({ findings: [found('gap', 3, 4.5, 'index.m3u8'), found('extinf', 5, -0.2), found('stale', 9, 60)] }, 10), [
    { kind: 'gap', start: 3, end: 7.5, text: 'index.m3u8: what it is' }, { kind: 'extinf', start: 5, end: 5, text: 'what it is' },
    { kind: 'stale', start: 9, end: 10, text: 'what it is' },
  ]);
});

test('the kinds are counted in words', () => {
  assert.equal(summaryOf({ counts: { segment_late: 2, gap: 1, stale: 0 } }), '1 gap · 2 segment late');
  assert.equal(summaryOf({ counts: {} }), 'Nothing was wrong with the recorded stream.');
});
