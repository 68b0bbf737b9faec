import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formsOf } from '../page/player/forms.js';

test('the first container has the plain names, and DASH comes with fragmented MP4', () => {
  assert.deepEqual(formsOf({}), { 'hls-ts': { label: 'HLS, MPEG-TS', playlist: 'master.m3u8', media: 'index.m3u8' } });
  const both = formsOf({ container: 'fmp4,ts', dash: true });
  assert.deepEqual([both['hls-fmp4'].playlist, both['hls-ts'].playlist, both.dash.manifest], ['master.m3u8', 'master-ts.m3u8', 'manifest.mpd']);
  assert.deepEqual(Object.keys(formsOf({ dash: true })), ['hls-ts', 'hls-fmp4', 'dash']);
  assert.deepEqual(Object.keys(formsOf({ container: 'fmp4' }, true)), ['hls-ts']);
});
