import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, sentence } from '../page/api.js';
import { Trigger } from '../page/truth/trigger.js';

// The form, and a server that refuses with an error.
function form(error) {
  const output = { dataset: {}, textContent: '', setAttribute() {} };
  const button = { setAttribute() {}, removeAttribute() {} };
  const tokenField = { hidden: true };
  const token = { value: '', focus() { token.focused = true; } };
  const root = {
    elements: { text: { value: '' }, token }, addEventListener() {},
    querySelector: (name) => ({ output, button, '.token': tokenField })[name],
  };
  let up = true;
  const trigger = new Trigger(root, { api: { trigger: async () => { throw error; } }, isUp: () => up, clock: () => ({}), serverNow: () => 0 });
  return { trigger, output, tokenField, token, down: () => { up = false; } };
}

test('a refusal is told in the server’s words, and a token is asked for only where there is one', async () => {
  const detail = 'without a token, posts are not taken through a proxy; give the server a token to post from elsewhere';
  for (const [error, says, asks] of [
    [new ApiError(detail, 403), 'No event. Without a token, posts are not taken through a proxy; give the server a token to post from elsewhere.', false],
    [new ApiError('the channel is not live: its generator is starting', 503), 'No event. The channel is not live: its generator is starting.', false],
    [new ApiError('a token is needed: send Authorization: Bearer and the token', 401), 'This server asks for a token to trigger events.', true],
    [new ApiError('the server does not answer', 0), 'No event. The server does not answer.', false],
  ]) {
    const f = form(error);
    await f.trigger.fire();
    assert.deepEqual([f.output.textContent, !f.tokenField.hidden], [says, asks]);
  }
  const f = form(new ApiError('the token is wrong', 401));
  f.token.value = 'x';
  await f.trigger.fire();
  assert.equal(f.output.textContent, 'The server refuses this token.');
});

test('what was said is taken back, and nothing is said while the server is away', async () => {
  const f = form(new ApiError('no', 409));
  await f.trigger.fire();
  f.down();
  f.trigger.clear();
  f.trigger.planned.push({ id: 'x', frame: 1 });
  f.trigger.tick();
  assert.equal(f.output.textContent, '');
});

test('a message becomes a sentence', () => {
  for (const [message, want] of [['there is no channel', 'There is no channel.'], ['Wait!', 'Wait!']]) assert.equal(sentence(message), want);
});
