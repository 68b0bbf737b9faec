// Which of the pictures that are not what they should be a labelled fault explains. Pure functions, no page.

const NUMBERS = ['pixels', 'sei', 'media'];

// Which of a picture's three numbers a fault of a layer can make wrong, or take away. The number in the pixels is another question
// where the fault is of the picture: the truth says which frame is shown.
const SPOILS = {
  picture: [], unit: ['pixels', 'sei'], sei: ['sei'], stamps: ['sei', 'media'], packets: NUMBERS, playlist: ['media'], request: NUMBERS,
};

// A playlist is wrong in all that it lists, and that lies before what was newest when it was published.
const BACKWARDS = ['playlist', 'request'];

// A player puts the pictures of a segment one behind the other: behind one whose time is wrong others are, up to the segment's end.
const SHIFTS = ['stamps'];

const within = (spans, n) => (spans ?? []).some((s) => s.frame <= n && n <= s.last_frame);

/** Whether something was done to one of the frames, or they are wrong because of it; segment is the number of frames in one. */
export function touches({ layer, done = [], collateral }, frames, segment) {
  if (BACKWARDS.includes(layer)) return done.some((s) => frames.some((n) => n <= s.last_frame));
  if (SHIFTS.includes(layer)) return done.some((s) => frames.some((n) => s.frame <= n && n / segment < Math.floor(s.last_frame / segment) + 1));
  return frames.some((n) => within(done, n) || within(collateral, n));
}

/**
 * Holds a sample of the self-check against the faults of a twin.
 * @param {object} sample what compare gives
 * @param {object[]} faults records, with layer, done and collateral
 * @param {number} segment the number of frames in a segment
 * @param {(n: number) => number|undefined} shows the frame whose picture frame n shows; undefined where that is not known
 * @returns {object} the sample; its verdict is "faulty" where a fault explains it, which is its member fault, "wrong" where the
 *   picture is not the one that the truth has, "unknown" where the truth of a picture is not known
 */
export function explain(sample, faults, segment, shows) {
  const { pixels, sei, media } = sample;
  const known = NUMBERS.map((k) => sample[k]).filter((n) => n !== null);
  const here = faults.filter((f) => touches(f, known, segment));
  if (here.length === 0) return sample;
  const spoiled = new Set(here.flatMap((f) => SPOILS[f.layer] ?? NUMBERS));
  // The frame by what is not in the pixels.
  const n = spoiled.has('sei') ? media : sei ?? media;
  const picture = here.find((f) => f.layer === 'picture' && n !== null && within(f.done, n));
  if (picture && !spoiled.has('pixels')) {
    const want = shows(n);
    if (pixels === null || pixels === want && want !== n) spoiled.add('pixels');
    else if (want === undefined && pixels !== n) return { ...sample, verdict: 'unknown', error: null };
    else if (want !== undefined && pixels !== want) return { ...sample, verdict: 'wrong', error: Math.abs(pixels - want) };
  }
  if (sample.verdict === 'exact') return sample;
  const rest = NUMBERS.filter((k) => !spoiled.has(k)).map((k) => sample[k]);
  const left = rest.filter((v) => v !== null);
  if (left.some((v) => v !== left[0])) return sample;
  if (left.length < rest.length) return { ...sample, verdict: 'unknown', error: null };
  return { ...sample, verdict: 'faulty', fault: picture ?? here[0] };
}
