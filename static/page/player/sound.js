// The sound of the player: muted at the start, as browsers want it, and from the first time that it is turned on through a graph of
// Web Audio, which gives its volume and the samples of its right channel, in which events beep. Muted again it is measured on.

// 341 ms at 48 kHz: several times as long as the page looks away.
const WINDOW = 16384;
const RIGHT = 1;

export class Sound {
  /**
   * @param {HTMLVideoElement} video
   * @param {HTMLElement} root holds a button and an input of type range
   */
  constructor(video, root) {
    this.video = video;
    this.root = root;
    this.button = root.querySelector('button');
    this.slider = root.querySelector('input');
    this.on = false;
    this.volume = 1;
    this.context = null;
    this.available = false;
    this.button.addEventListener('click', () => this.toggle());
    this.slider.addEventListener('input', () => {
      this.volume = Number(this.slider.value) / 100;
      this.set(this.volume > 0);
    });
    this.#render();
  }

  /** Shows the controls where the channel has sound. */
  offer(available) {
    this.available = available;
    this.root.hidden = !available;
  }

  /** Mutes or lets be heard, where there is sound. */
  toggle() {
    if (!this.available) return;
    if (!this.on && this.volume === 0) this.volume = 1;
    this.set(!this.on);
  }

  set(on) {
    this.on = on;
    if (on && !this.context) this.#connect();
    if (on) this.context?.resume();
    if (this.gain) {
      this.video.muted = false;
      this.gain.gain.value = on ? this.volume : 0;
    } else {
      this.video.muted = !on;
      this.video.volume = this.volume;
    }
    this.#render();
  }

  // From then on the element is heard through the graph only.
  #connect() {
    if (typeof AudioContext === 'undefined') return;
    this.context = new AudioContext();
    const source = this.context.createMediaElementSource(this.video);
    this.gain = this.context.createGain();
    const split = this.context.createChannelSplitter(2);
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = WINDOW;
    this.samples = new Float32Array(WINDOW);
    source.connect(this.gain).connect(this.context.destination);
    source.connect(split).connect(this.analyser, RIGHT);
  }

  /**
   * The newest samples of the right channel.
   * @returns {{samples: Float32Array, rate: number, end: number, position: number}|null} end is the time behind the last of them by the
   *   graph's clock, position the video's then, both in seconds; null where there are none
   */
  read() {
    const { context, analyser, samples, video } = this;
    if (context?.state !== 'running') return null;
    const end = context.currentTime;
    analyser.getFloatTimeDomainData(samples);
    return { samples, rate: context.sampleRate, end, position: video.currentTime };
  }

  #render() {
    this.slider.value = String(Math.round(this.on ? this.volume * 100 : 0));
    this.button.classList.toggle('on', this.on);
    this.button.setAttribute('aria-label', this.on ? 'Mute' : 'Sound on');
  }
}
