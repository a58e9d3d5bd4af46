// The players of others are classic scripts.
declare const mpegts: any;
declare const Hls: any;

interface Window {
  srsErrors?: number;
  measure?: import("./measure.js").Measure;
}
