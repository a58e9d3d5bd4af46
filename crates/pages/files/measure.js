// Measures what a player shows of the test picture: delay from glass to glass, lost frames, sound, lip sync.
//
// It trusts the clocks of both sides, so both pages belong on one machine, or on machines of one time.

import { read } from "./picture.js";

/** One frame that was shown. */
                         
                                                       
             
                                              
                
                             
                
 

const KEPT = 20000;
const TICK_MS = 5;
/** Loudness (RMS) above which there is a beep. */
const LOUD = 0.05;

const quantile = (sorted          , share        )         =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** The signed distance between two times modulo `round`. */
const apart = (one        , other        , round        )         => {
  const distance = (((one - other) % round) + round) % round;
  return distance > round / 2 ? distance - round : distance;
};

export class Measure {
  /** Frames whose clock was read, in order. */
  samples           = [];
  /** Frames whose clock could not be read. */
  unread = 0;
  /** Beginnings of beeps, in milliseconds since 1970. */
  beeps           = [];
  /** The longest time between two frames shown, in milliseconds. */
  freeze = 0;
  #video                  ;
  #audio                      = null;
  #heard                          = null;
  #analyser                      = null;
  #power = 0;
  #windows = 0;
  #last = 0;
  #loud = false;

  constructor(video                  ) {
    this.#video = video;
    const shown = (now        , meta                            )       => {
      this.#frame(performance.timeOrigin + Math.max(now, meta.expectedDisplayTime));
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    setInterval(() => this.#listen(), TICK_MS);
  }

  /** Forgets all that was measured. */
  reset()       {
    [this.samples, this.beeps, this.unread, this.freeze, this.#power, this.#windows, this.#last] = [[], [], 0, 0, 0, 0, 0];
  }

  /** Delays of the frames so far, in milliseconds. */
  delays()                                                           {
    const all = this.samples.map((sample) => sample.delay).sort((one, other) => one - other);
    return { count: all.length, p50: quantile(all, 0.5), p95: quantile(all, 0.95), max: quantile(all, 1) };
  }

  /** Frames shown, frames that were drawn between them and not shown, and frames that came out of order. */
  frames()                                                        {
    let [skipped, backwards] = [0, 0];
    this.samples.forEach((sample, index) => {
      const before = this.samples[index - 1];
      const step = before ? apart(sample.frame, before.frame, 65536) : 1;
      if (step > 1) skipped += step - 1;
      if (step < 0) backwards += 1;
    });
    return { shown: this.samples.length, skipped, backwards };
  }

  /** Mean power of the sound since the last reset: 0 is silence, 0.0125 the test picture's beeps. */
  audioEnergy()         {
    return this.#windows ? this.#power / this.#windows : 0;
  }

  /**
   * Sound late against the picture, in milliseconds: the median over all beeps; null before the first. A browser brings the
   * two together step by step by the sender reports: measure from the twelfth second on.
   */
  lipSync()                {
    const all = this.beeps.flatMap((beep) => {
      const near = this.samples.filter((sample) => Math.abs(sample.at - beep) < 500).map((sample) => sample.delay);
      // A beep was made at a full second.
      return near.length ? [apart(beep, 0, 1000) - quantile(near.sort((one, other) => one - other), 0.5)] : [];
    });
    return all.length ? quantile(all.sort((one, other) => one - other), 0.5) : null;
  }

  /** Whether the picture is dark all over, or there is none. */
  isBlack()          {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [32, 18];
    const to = canvas.getContext("2d");
    if (!to || !this.#video.videoWidth) return true;
    to.drawImage(this.#video, 0, 0, 32, 18);
    const { data } = to.getImageData(0, 0, 32, 18);
    return data.every((value, index) => index % 4 === 3 || value < 32);
  }

  #frame(at        )       {
    const { videoWidth, videoHeight } = this.#video;
    const stamp = read(this.#video, videoWidth, videoHeight);
    if (this.#last) this.freeze = Math.max(this.freeze, at - this.#last);
    this.#last = at;
    if (!stamp) {
      this.unread += 1;
      return;
    }
    if (this.samples.length >= KEPT) this.samples.shift();
    this.samples.push({ at, delay: apart(at, stamp.time, 2 ** 32), frame: stamp.frame });
  }

  #listen()       {
    const stream = this.#video.srcObject;
    const track = stream instanceof MediaStream ? stream.getAudioTracks()[0] : undefined;
    if (!track) return;
    if (track !== this.#heard) {
      this.#heard = track;
      this.#audio ??= new AudioContext();
      this.#analyser = this.#audio.createAnalyser();
      this.#analyser.fftSize = 256;
      this.#audio.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
    }
    if (!this.#analyser) return;
    const wave = new Float32Array(256);
    this.#analyser.getFloatTimeDomainData(wave);
    const power = wave.reduce((sum, value) => sum + value * value, 0) / wave.length;
    this.#power += power;
    this.#windows += 1;
    const loud = Math.sqrt(power) > LOUD;
    if (loud && !this.#loud && this.beeps.length < KEPT) this.beeps.push(Date.now());
    this.#loud = loud;
  }
}
