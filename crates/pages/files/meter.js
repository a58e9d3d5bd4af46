// What a connection carries, for people, from getStats.

                                   

                  
             
                
                
                  
 

/** Reads a connection once in a while; rates are those since the reading before. */
export class Meter {
  #pc                           = null;
  #before                = null;

  /** Rows of "what: how much". */
  async read(pc                          )                 {
    if (pc !== this.#pc) [this.#pc, this.#before] = [pc, null];
    if (!pc || pc.connectionState === "closed") return [];
    // The browser's dictionaries differ by kind, and TypeScript has no type for most of them.
    const all        = [...(await pc.getStats()).values()];
    const of = (type        )        => all.filter((report) => report.type === type);
    const [sent, got] = [of("outbound-rtp"), of("inbound-rtp")];
    const media = sent.length ? sent : got;
    const sum = (list       , name        )         => list.reduce((total, report) => total + (report[name] || 0), 0);
    const video = media.filter((report) => report.kind === "video");
    // With simulcast the largest picture speaks for all.
    const best = video.reduce((one, other) => ((other.frameWidth || 0) > (one?.frameWidth || 0) ? other : one), video[0]);
    const now         = {
      at: performance.now(),
      bytes: sum(media, sent.length ? "bytesSent" : "bytesReceived"),
      delay: sum(video, "jitterBufferDelay"),
      emitted: sum(video, "jitterBufferEmittedCount"),
    };
    const before = this.#before;
    this.#before = now;
    const rows        = [];
    if (best?.frameWidth) {
      const rate = Math.round(best.framesPerSecond || 0);
      rows.push(["Picture", `${best.frameWidth} x ${best.frameHeight}, ${rate} frames/s`]);
    }
    const codecs = new Set(media.map((report) => all.find((other) => other.id === report.codecId)?.mimeType?.split("/")[1]));
    codecs.delete(undefined);
    if (codecs.size) rows.push(["Codecs", [...codecs].join(", ")]);
    if (before && now.at > before.at) {
      rows.push(["Bit rate", `${((8 * (now.bytes - before.bytes)) / (now.at - before.at)).toFixed(0)} kbit/s`]);
    }
    if (video.length > 1) {
      const layer = (report     )         => `${report.rid || "?"} ${report.frameHeight || 0}p`;
      rows.push(["Layers", video.filter((report) => report.active !== false).map(layer).join(", ")]);
    }
    const pair = of("candidate-pair").find((one) => one.nominated && one.state === "succeeded");
    const path = pair && all.find((report) => report.id === pair.remoteCandidateId);
    const trip = pair?.currentRoundTripTime;
    if (path) rows.push(["Path", `${path.protocol}${trip === undefined ? "" : `, round trip ${(1000 * trip).toFixed(0)} ms`}`]);
    if (!sent.length && before && now.emitted > before.emitted) {
      const buffer = (1000 * (now.delay - before.delay)) / (now.emitted - before.emitted);
      rows.push(["Buffer", `${buffer.toFixed(0)} ms`]);
    }
    const lost = sent.length ? sum(of("remote-inbound-rtp"), "packetsLost") : sum(got, "packetsLost");
    const again = sent.length ? `${sum(sent, "retransmittedPacketsSent")} sent again` : `${sum(got, "nackCount")} asked for again`;
    rows.push(["Packets", `${sum(media, sent.length ? "packetsSent" : "packetsReceived")}, ${lost} lost, ${again}`]);
    return rows;
  }
}
