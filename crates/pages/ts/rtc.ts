// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) by what every browser has: one session, and one that is kept going.
//
// Candidates are gathered before the offer is sent (for a second at most): the server tells all of its own in the answer,
// so nothing is left to trickle. PATCH restarts ICE when the path breaks, DELETE ends the session.

export type Kind = "whip" | "whep";

/** A server's refusal, in its own words. */
export class Refused extends Error {
  status: number;
  /** How long the server asks to wait before the next try, in milliseconds. */
  wait: number;

  constructor(status: number, text: string, wait: number) {
    super(text);
    this.status = status;
    this.wait = wait;
  }

  /** Asking again would bring the same: the request itself is wrong, or not allowed. */
  get final(): boolean {
    return this.status >= 400 && this.status < 500 && ![404, 408, 409, 425, 429].includes(this.status);
  }
}

const GATHER_MS = 1000;
const ANSWER_MS = 10000;
const CONNECT_MS = 15000;
const RESTART_MS = 5000;
// Longer than a publisher who dropped is held for (10 s): its viewers need no new session when it comes back.
const SILENCE_MS = 15000;

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

// Straight after a restart the state still is that of the gathering before.
const gathered = (pc: RTCPeerConnection, anew = false): Promise<void> => {
  if (pc.iceGatheringState === "complete" && !anew) return Promise.resolve();
  const complete = new Promise<void>((resolve) => {
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState === "complete") resolve();
    });
  });
  return Promise.race([complete, sleep(GATHER_MS)]);
};

const lines = (sdp: string, start: string): string[] => sdp.split(/\r?\n/).filter((line) => line.startsWith(start));

/** What a PATCH says of the new local ICE session (RFC 8840). */
export const fragmentOf = (sdp: string): string => {
  const first = sdp.split(/\r?\nm=/, 2)[1] || "";
  const all = [
    ...lines(sdp, "a=group:BUNDLE").slice(0, 1),
    ...lines(sdp, "a=ice-options:").slice(0, 1),
    ...lines(sdp, "a=ice-ufrag:").slice(0, 1),
    ...lines(sdp, "a=ice-pwd:").slice(0, 1),
    ...lines(sdp, "m=").slice(0, 1),
    ...lines(first, "a=mid:").slice(0, 1),
    ...lines(first, "a=candidate:"),
    "a=end-of-candidates",
  ];
  return all.map((line) => `${line}\r\n`).join("");
};

/** The answer of before with the ICE session of this fragment in place of its own. */
export const restarted = (answer: string, fragment: string): string => {
  const [ufrag, pwd] = [lines(fragment, "a=ice-ufrag:")[0], lines(fragment, "a=ice-pwd:")[0]];
  if (!ufrag || !pwd) throw new Error("The server's answer to the ICE restart has no credentials");
  const candidates = lines(fragment, "a=candidate:");
  const drop = /^a=(candidate:|end-of-candidates)/;
  let sections = 0;
  const out: string[] = [];
  for (const line of answer.split(/\r?\n/)) {
    if (candidates.length && drop.test(line)) continue;
    if (line.startsWith("a=ice-ufrag:")) out.push(ufrag);
    else if (line.startsWith("a=ice-pwd:")) out.push(pwd);
    else out.push(line);
    if (line.startsWith("m=")) sections += 1;
    // Behind the first section's mid: sections of a bundle share their candidates.
    if (line.startsWith("a=mid:") && sections === 1) out.push(...candidates);
  }
  return out.join("\r\n");
};

/** Servers of `Link: <turn:...>; rel="ice-server"; username=...` (RFC 9725, 4.6). */
export const iceServers = (link: string | null): RTCIceServer[] =>
  (link || "").split(/,\s*(?=<)/).flatMap((entry) => {
    const url = /^\s*<((?:stun|turn)s?:[^>]+)>/.exec(entry);
    if (!url || !/rel="?ice-server"?/.test(entry)) return [];
    const value = (name: string): string | undefined => new RegExp(`${name}="?([^";]*)"?`).exec(entry)?.[1];
    return [{ urls: url[1] || "", username: value("username"), credential: value("credential") }];
  });

/** One session. */
export class Session {
  readonly pc: RTCPeerConnection;
  readonly #endpoint: string;
  readonly #token: string;
  #resource = "";

  constructor(endpoint: string, token: string) {
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.#endpoint = endpoint;
    this.#token = token;
  }

  /** Offers what `pc` has been given, and takes the answer. */
  async open(signal: AbortSignal): Promise<void> {
    await this.pc.setLocalDescription();
    await gathered(this.pc);
    if (signal.aborted) return;
    const offer = this.pc.localDescription?.sdp || "";
    const ask = (url: string): Promise<Response> => this.#send(url, "POST", "application/sdp", offer);
    let response = await ask(this.#endpoint);
    // A browser drops the bearer when it is sent on to another site.
    if (response.status === 401 && response.redirected && this.#token) response = await ask(response.url);
    const text = await response.text();
    if (!response.ok) throw refusal(response, text);
    const location = response.headers.get("Location");
    if (location) this.#resource = new URL(location, response.url).href;
    if (signal.aborted) return;
    if (!text.startsWith("v=0")) throw new Error(`The server's answer is no SDP: ${text.slice(0, 200)}`);
    const servers = iceServers(response.headers.get("Link"));
    if (servers.length) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers });
    await this.pc.setRemoteDescription({ type: "answer", sdp: text });
  }

  /** Resolves when media can flow; rejects when it cannot. A path that is being mended may have failed before. */
  connected(limit: number, mended = false): Promise<void> {
    const { pc } = this;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("No media path to the server: is its UDP or TCP port open?")), limit);
      const look = (): void => {
        if (pc.connectionState === "connected") resolve();
        else if (pc.connectionState === "closed" || (pc.connectionState === "failed" && !mended)) reject(new Error("The media path failed"));
        else return;
        clearTimeout(late);
      };
      pc.addEventListener("connectionstatechange", look);
      look();
    });
  }

  /** Restarts ICE, as after a change of network. */
  async restart(): Promise<void> {
    const { pc } = this;
    const answer = pc.remoteDescription?.sdp;
    if (!this.#resource || !answer) throw new Error("The connection is lost");
    pc.restartIce();
    const all = gathered(pc, true);
    await pc.setLocalDescription();
    await all;
    const fragment = fragmentOf(pc.localDescription?.sdp || "");
    const response = await this.#send(this.#resource, "PATCH", "application/trickle-ice-sdpfrag", fragment);
    const text = await response.text();
    if (!response.ok) throw refusal(response, text);
    await pc.setRemoteDescription({ type: "answer", sdp: restarted(answer, text) });
    await this.connected(RESTART_MS, true);
  }

  /** Ends it, here and at the server. Works while a page is being left, too. */
  close(): void {
    this.pc.close();
    if (!this.#resource) return;
    const resource = this.#resource;
    this.#resource = "";
    // Whether it is still there does not matter any more.
    fetch(resource, { method: "DELETE", headers: this.#headers(), keepalive: true }).catch(() => {});
  }

  #headers(more: Record<string, string> = {}): Record<string, string> {
    return this.#token ? { ...more, Authorization: `Bearer ${this.#token}` } : more;
  }

  async #send(url: string, method: string, kind: string, body: string): Promise<Response> {
    // An ICE restart is for whichever ICE session there is (RFC 9725, 4.3.3).
    const match: Record<string, string> = method === "PATCH" ? { "If-Match": "*" } : {};
    const headers = this.#headers({ ...match, "Content-Type": kind });
    try {
      return await fetch(url, { method, headers, body, signal: AbortSignal.timeout(ANSWER_MS) });
    } catch {
      throw new Error("The server cannot be reached");
    }
  }
}

const refusal = (response: Response, text: string): Refused => {
  const after = Number(response.headers.get("Retry-After"));
  const words = text.trim().slice(0, 300) || response.statusText;
  return new Refused(response.status, `${response.status}: ${words}`, after > 0 ? after * 1000 : 0);
};

/** Where a kept session is: on its way, up, waiting to be tried again, refused for good, or stopped. */
export type State = "connecting" | "live" | "waiting" | "refused" | "stopped";

export interface Wish {
  kind: Kind;
  endpoint: string;
  token: string;
  /** Gives a new connection its tracks or transceivers. */
  prepare(pc: RTCPeerConnection): void;
  /** Called on every change. */
  changed(state: State, text: string): void;
}

/** A session that is begun again, less and less often, until it is stopped or refused for good. */
export class Steady {
  readonly #wish: Wish;
  readonly #abort = new AbortController();
  #session: Session | null = null;

  constructor(wish: Wish) {
    this.#wish = wish;
    addEventListener("pagehide", () => this.stop(), { signal: this.#abort.signal });
  }

  /** The connection of now. */
  get pc(): RTCPeerConnection | null {
    return this.#session ? this.#session.pc : null;
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    let tries = 0;
    while (!signal.aborted) {
      let [why, wait] = ["", 0];
      const session = new Session(this.#wish.endpoint, this.#wish.token);
      this.#session = session;
      try {
        this.#wish.changed("connecting", "Connecting");
        this.#wish.prepare(session.pc);
        await session.open(signal);
        if (!signal.aborted) await session.connected(CONNECT_MS);
        if (signal.aborted) return session.close();
        tries = 0;
        this.#wish.changed("live", "Live");
        why = await this.#over(session);
      } catch (error) {
        if (signal.aborted) return session.close();
        why = error instanceof Error ? error.message : String(error);
        if (error instanceof Refused) {
          if (error.final) {
            session.close();
            this.#wish.changed("refused", why);
            return;
          }
          wait = error.wait;
        }
      }
      session.close();
      if (signal.aborted) return;
      wait = Math.max(wait, Math.min(10000, 500 * 2 ** tries));
      tries += 1;
      this.#wish.changed("waiting", `${why}; trying again in ${(wait / 1000).toFixed(1)} s`);
      await sleep(wait, signal);
    }
  }

  stop(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#session?.close();
    this.#session = null;
    this.#wish.changed("stopped", "Stopped");
  }

  // Resolves with the reason when the session is lost.
  #over(session: Session): Promise<string> {
    const { pc } = session;
    return new Promise((resolve) => {
      let [mending, bytes, since] = [false, -1, performance.now()];
      const end = (why: string): void => {
        clearInterval(watch);
        resolve(why);
      };
      const mend = async (): Promise<void> => {
        if (mending) return;
        mending = true;
        this.#wish.changed("live", "The connection is interrupted");
        try {
          await session.restart();
          this.#wish.changed("live", "Live");
          mending = false;
        } catch (error) {
          end(error instanceof Error ? error.message : String(error));
        }
      };
      const look = (): void => {
        if (pc.connectionState === "closed" || this.#abort.signal.aborted) end("Closed");
        else if (pc.connectionState === "failed" && dtls?.state === "failed") end("The connection failed");
        else if (["failed", "disconnected"].includes(pc.connectionState)) void mend();
      };
      const dtls = pc.getTransceivers()[0]?.receiver.transport ?? pc.getTransceivers()[0]?.sender.transport;
      dtls?.addEventListener("statechange", () => {
        if (dtls.state === "closed") end("The server ended the session");
      });
      pc.addEventListener("connectionstatechange", look);
      const watch = setInterval(async () => {
        if (this.#wish.kind !== "whep" || mending) return;
        const now = await received(pc);
        if (now !== bytes) [bytes, since] = [now, performance.now()];
        else if (performance.now() - since > SILENCE_MS) end("Nothing has come for some time");
      }, 1000);
      this.#abort.signal.addEventListener("abort", () => end("Stopped"));
      look();
    });
  }
}

const received = async (pc: RTCPeerConnection): Promise<number> => {
  let bytes = 0;
  for (const report of (await pc.getStats()).values()) {
    if (report.type === "inbound-rtp") bytes += report.bytesReceived;
  }
  return bytes;
};
