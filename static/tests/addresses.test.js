import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf } from '../page/addresses.js';

const outputs = [
  { kind: 'http-ts', name: '/live/main.ts', state: 'listening' }, { kind: 'http-flv', name: '/live/main.flv', state: 'listening' },
  { kind: 'tcp-ts', name: 'tcp://[::]:4445', state: 'listening' }, { kind: 'rtmp', name: 'rtmp://0.0.0.0:1935/live/main', state: 'listening' },
  { kind: 'push', name: 'rtmp://host/app', state: 'connecting' }, { kind: 'relay', name: 'srt://127.0.0.1:9000', state: 'running' },
  { kind: 'relay', name: '/srv/out.mp4', state: 'running' }, { kind: 'new', name: 'x:1', state: 'listening' },
];

const of = (channel, several, base) => Object.fromEntries(addressesOf(channel, several, base).map((a) => [a.address, a]));

test('every output has an address that leads to it from where the page is', () => {
  const got = of({ channel: 'main', outputs }, false, 'http://box:8080/');
  const want = [
    'http://box:8080/hls/main/master.m3u8', 'http://box:8080/hls/main/index.m3u8', 'http://box:8080/live/main.ts', 'http://box:8080/live/main.flv',
    'tcp://box:4445', 'rtmp://box:1935/live/main', 'rtmp://host/app', 'srt://127.0.0.1:9000', '/srv/out.mp4', 'x:1', 'http://box:8080/markers',
    'http://box:8080/markers/stream', 'http://box:8080/frames', 'http://box:8080/segments', 'http://box:8080/clocks', 'http://box:8080/detections',
  ];
  assert.deepEqual(Object.keys(got), want);
  assert.deepEqual([got['rtmp://host/app'].name, got['rtmp://host/app'].state], ['Pushed to', 'connecting']);
  assert.deepEqual([got['tcp://box:4445'].state, got['tcp://box:4445'].link, got['http://box:8080/frames'].link], ['', false, true]);
  assert.equal(got['x:1'].name, 'new');
});

test('below a path of a proxy the addresses are below it too, and a channel among several is named', () => {
  const got = of({ channel: 'a b', outputs: [outputs[0]] }, true, 'https://host/ref/?channel=a%20b');
  assert.ok(got['https://host/ref/hls/a%20b/master.m3u8']);
  assert.ok(got['https://host/ref/live/main.ts']);
  assert.ok(got['https://host/ref/markers?channel=a%20b']);
});

test('the second container has playlists of its own', () => {
  assert.ok(of({ channel: 'main', container: 'fmp4,ts' }, false, 'http://h/')['http://h/hls/main/master-ts.m3u8']);
  assert.equal(addressesOf({ channel: 'main', container: 'fmp4' }, false, 'http://h/').length, 8);
});

test('a server that does not generate the channel has no outputs', () => {
  assert.equal(addressesOf({ channel: 'main' }, false, 'http://h/').length, 8);
});
