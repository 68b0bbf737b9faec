// Shows one frame, stopped: seeks to it, and reads the number in the picture until it is the one that was asked for.

// Where a segment begins is known to the frame only when it is loaded: the first seek may be a frame or two off. A seek that has
// to load takes a while, too.
const TRIES = 8;

// A picture that is further off is not the one that was sought: it was not there yet.
const MAX_OFF = 8;

// The player keeps the time that it was given, to some microseconds. Further off somebody else has sought.
const SAME_S = 1e-3;

export class FrameShow {
  /**
   * @param {object} model pause(), paused(), position() in seconds, fps(), seekTimeOf(frame): media time or null, still(time):
   *   the number in the picture there, or null
   */
  constructor(model) {
    this.model = model;
    this.turn = 0;
  }

  /**
   * @returns {Promise<boolean|null>} whether the picture on screen is the frame; null where something else was asked for
   *   meanwhile, or the frame has left the playlist
   */
  async show(frame) {
    const { model } = this;
    const turn = ++this.turn;
    model.pause();
    let before = null;
    let off = 0;
    for (let i = 0; i < TRIES; i++) {
      const time = model.seekTimeOf(frame);
      if (time === null) return null;
      // What was learnt holds as long as the playlist's times do.
      if (time !== before) off = 0;
      before = time;
      const sought = time + off / model.fps();
      const seen = await model.still(sought);
      if (turn !== this.turn || !model.paused() || Math.abs(model.position() - sought) > SAME_S) return null;
      if (seen === frame) return true;
      if (seen !== null && Math.abs(frame - seen) <= MAX_OFF) off += frame - seen;
    }
    return false;
  }
}
