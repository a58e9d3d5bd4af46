// The test picture: colour bars, a clock for people and a clock for machines, and a beep at every full second.
//
// The machines' clock is two rows of 32 blocks, white for 1, over the upper tenth of the picture. First row: the
// milliseconds since 1970, lower 32 bits, highest bit first. Second row: the byte MARK, 16 bits of the frame's number, and
// a check byte. Blocks are wide (10 pixels of a picture of 320), so that they outlive a low bit rate.

const MARK = 0xb2;
const COLUMNS = 32;
/** Share of the picture's height that the clock has. */
const SHARE = 0.1;
/** How long the flash and the beep at each full second last, in milliseconds. */
const BEEP_MS = 100;
const TONE_HZ = 1000;

/** What the machines' clock says. */
                        
                                                
               
                                     
                
 

const check = (bytes          )         => bytes.reduce((sum, byte) => (sum * 3 + byte + 0x5a) & 0xff, 0);

const bytesOf = ({ time, frame }       )           => [
  ...[24, 16, 8, 0].map((shift) => (time >>> shift) & 0xff),
  MARK,
  (frame >>> 8) & 0xff,
  frame & 0xff,
];

/** Draws the machines' clock. */
export const stamp = (to                          , width        , height        , at       )       => {
  const bytes = bytesOf(at);
  bytes.push(check(bytes));
  const [wide, high] = [width / COLUMNS, (height * SHARE) / 2];
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit += 1) {
      const place = index * 8 + bit;
      to.fillStyle = (byte >>> (7 - bit)) & 1 ? "#fff" : "#000";
      to.fillRect((place % COLUMNS) * wide, Math.floor(place / COLUMNS) * high, wide, high);
    }
  });
};

const BLOCK = 8;
let eye                                  = null;

/** Reads the machines' clock off a picture; null when there is none, or none that can be read. */
export const read = (from                   , width        , height        )               => {
  if (!eye) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [COLUMNS * BLOCK, 2 * BLOCK];
    eye = canvas.getContext("2d", { willReadFrequently: true });
  }
  if (!eye || !width || !height) return null;
  eye.drawImage(from, 0, 0, width, height * SHARE, 0, 0, COLUMNS * BLOCK, 2 * BLOCK);
  const { data } = eye.getImageData(0, 0, COLUMNS * BLOCK, 2 * BLOCK);
  // The middle of each block is far from what its neighbours do to it.
  const levels           = [];
  for (let place = 0; place < 2 * COLUMNS; place += 1) {
    const [left, top] = [(place % COLUMNS) * BLOCK, Math.floor(place / COLUMNS) * BLOCK];
    let sum = 0;
    for (let y = top + 2; y < top + 6; y += 1) {
      for (let x = left + 2; x < left + 6; x += 1) sum += data[4 * (y * COLUMNS * BLOCK + x) + 1] || 0;
    }
    levels.push(sum / 16);
  }
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  if (high - low < 60) return null;
  const middle = (low + high) / 2;
  const bytes           = [0, 0, 0, 0, 0, 0, 0, 0];
  levels.forEach((level, place) => {
    const index = place >> 3;
    bytes[index] = ((bytes[index] || 0) << 1) | (level > middle ? 1 : 0);
  });
  const [a = 0, b = 0, c = 0, d = 0, mark, e = 0, f = 0, sum] = bytes;
  if (mark !== MARK || sum !== check(bytes.slice(0, 7))) return null;
  return { time: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, frame: (e << 8) | f };
};

const BARS = ["#c0c0c0", "#c0c000", "#00c0c0", "#00c000", "#c000c0", "#c00000", "#0000c0"];

const draw = (to                          , width        , height        , frame        )       => {
  const now = Date.now();
  const wide = width / BARS.length;
  BARS.forEach((colour, index) => {
    to.fillStyle = colour;
    to.fillRect(Math.floor(index * wide), 0, Math.ceil(wide), height);
  });
  // One round a second: a picture that stutters is seen to.
  const turn = ((now % 1000) / 1000) * 2 * Math.PI - Math.PI / 2;
  const size = height / 6;
  to.fillStyle = "#101418";
  to.beginPath();
  to.arc(width / 2, height * 0.42, size, 0, 2 * Math.PI);
  to.fill();
  to.fillStyle = "#ffffff";
  to.beginPath();
  to.moveTo(width / 2, height * 0.42);
  to.arc(width / 2, height * 0.42, size * 0.9, -Math.PI / 2, turn);
  to.fill();
  to.fillStyle = "#101418";
  to.fillRect(width * 0.15, height * 0.66, width * 0.7, height * 0.2);
  to.fillStyle = "#ffffff";
  to.textAlign = "center";
  to.textBaseline = "middle";
  to.font = `${Math.round(height * 0.11)}px ui-monospace, monospace`;
  to.fillText(new Date(now).toISOString().slice(11, 23), width / 2, height * 0.735);
  to.font = `${Math.round(height * 0.05)}px ui-monospace, monospace`;
  to.fillText(`frame ${frame}`, width / 2, height * 0.825);
  to.fillStyle = now % 1000 < BEEP_MS ? "#ffffff" : "#000000";
  to.fillRect(0, height * 0.88, width * 0.12, height * 0.12);
  stamp(to, width, height, { time: now % 2 ** 32, frame: frame & 0xffff });
};

/** The test picture and its sound, until its tracks are stopped. */
export const testPicture = (width        , height        , rate        )              => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const to = canvas.getContext("2d", { alpha: false });
  if (!to) throw new Error("This browser draws on no canvas");
  const stream = canvas.captureStream(rate);
  const audio = new AudioContext();
  const [tone, gain, sound] = [audio.createOscillator(), audio.createGain(), audio.createMediaStreamDestination()];
  tone.frequency.value = TONE_HZ;
  gain.gain.value = 0;
  tone.connect(gain).connect(sound);
  tone.start();
  const [voice] = sound.stream.getAudioTracks();
  if (voice) stream.addTrack(voice);
  const [view] = stream.getVideoTracks();
  let [frame, due, beep] = [0, 0, 0];
  const step = (now        )       => {
    if (view?.readyState === "ended") return void audio.close();
    requestAnimationFrame(step);
    if (now < due) return;
    // Half a screen's frame early is nearer than a whole one late.
    due = Math.max(due + 1000 / rate, now - 8);
    draw(to, width, height, frame);
    frame += 1;
    // The beep is laid ahead on the sound's own clock: it begins on time even when this is late.
    const second = Math.ceil((Date.now() + 200) / 1000) * 1000;
    if (second === beep || audio.state !== "running") return;
    beep = second;
    const at = audio.currentTime + (second - Date.now()) / 1000;
    gain.gain.setValueAtTime(0.5, at);
    gain.gain.setValueAtTime(0, at + BEEP_MS / 1000);
  };
  step(performance.now());
  return stream;
};
