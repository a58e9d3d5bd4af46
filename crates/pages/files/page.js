// What the pages share: their elements, their parameters, and addresses by the names SRS's own pages use.

                                      
                                            

export const params = new URLSearchParams(location.search);

/** An element that the page has. */
export const $ =                                      (id        )    => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no ${id}`);
  return found     ;
};

export const say = (text        , bad = false)       => {
  $("state").textContent = text;
  $("state").className = bad ? "bad" : "";
};

/** Plays, or says what a user must do for it. A start that another one overtakes is none of a user's business. */
export const start = (video                  )       => {
  video.play().catch((error) => {
    if (error instanceof DOMException && error.name === "NotAllowedError") say("Press play: this browser wants a click first.");
  });
};

/** Says it, and marks the page with it. */
export const tell = (state       , text        )       => {
  document.body.dataset.state = state;
  say(text, state === "waiting" || state === "refused");
};

/** Shows a table of facts. */
export const show = (rows       )       => {
  const cells = rows.flatMap(([name, value]) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  });
  $("facts").replaceChildren(...cells);
};

const OWN = "url server host port api schema autostart token measure source codec size bitrate simulcast".split(" ");

/** The stream's own parameters: all that the pages do not know. */
const others = ()                  => {
  const rest = new URLSearchParams(params);
  for (const name of OWN) rest.delete(name);
  return rest;
};

const schema = ()         => {
  const asked = params.get("schema");
  return asked === "https" || (asked !== "http" && location.protocol === "https:") ? "https" : "http";
};

/** Host and port, the port by its first name that is given; else this page's own. */
const server = (names          , usual        )         => {
  const host = params.get("server") || params.get("host");
  const port = names.map((name) => params.get(name)).find((value) => value);
  const own = host && host !== location.hostname ? usual : location.port;
  return `${host || location.hostname}${port || own ? `:${port || own}` : ""}`;
};

/** Where HTTP streams of these parameters are. */
export const media = (extension        )         => {
  const app = params.get("app") || "live";
  let stream = params.get("stream") || "livestream";
  if (!/\.(flv|ts|m3u8)$/.test(stream)) stream += extension;
  const rest = others();
  rest.delete("app");
  rest.delete("stream");
  const query = rest.toString();
  return `${schema()}://${server(["port"], "8080")}/${app}/${stream}${query ? `?${query}` : ""}`;
};

/** Where WHIP or WHEP of these parameters is: where the page came from, if they name no other place. */
export const signalling = (kind      )         => {
  const rest = others();
  const query = new URLSearchParams({ app: rest.get("app") || "live", stream: rest.get("stream") || "livestream" });
  for (const [name, value] of rest) if (!query.has(name)) query.append(name, value);
  return `${schema()}://${server(["api", "port"], "1985")}/rtc/v1/${kind}/?${query}`;
};

/** The http(s) address of WHIP or WHEP that is meant by an address; "" when it is none. */
export const endpoint = (kind      , address        )         => {
  const named = /^(webrtc|whip|whep)(s?):\/\//.exec(address);
  try {
    if (!named) {
      const url = new URL(address, location.href);
      url.pathname = url.pathname.replace(/^\/rtc\/v1\/(publish|play)\/?$/, `/rtc/v1/${kind}/`);
      return /^https?:$/.test(url.protocol) ? url.href : "";
    }
    const secure = named[2] || location.protocol === "https:" ? "https" : "http";
    const url = new URL(address.replace(/^[a-z]+:/, `${secure}:`));
    if (url.searchParams.get("schema") === "https") url.protocol = "https:";
    if (!url.port && url.hostname === location.hostname) url.port = location.port;
    else if (!url.port && url.protocol === "http:") url.port = "1985";
    if (named[1] !== "webrtc") return url.href;
    const path = url.pathname.split("/").filter((part) => part);
    const query = new URLSearchParams({ app: path.slice(0, -1).join("/") || "live", stream: path.at(-1) || "livestream" });
    for (const [name, value] of url.searchParams) if (name !== "schema") query.append(name, value);
    return `${url.origin}/rtc/v1/${kind}/?${query}`;
  } catch {
    return "";
  }
};

/** The path of an http(s) address; "" when it is none. */
export const pathOf = (address        )         => {
  try {
    const url = new URL(address, location.href);
    return /^https?:$/.test(url.protocol) ? url.pathname : "";
  } catch {
    return "";
  }
};

/** Whether an address means WebRTC. */
export const isWebrtc = (address        )          =>
  /^(webrtc|whep)s?:/.test(address) || /\/(whep|rtc\/v1\/play)(\/|\?|$)/.test(address);

/** Whether the page is to begin by itself. */
export const autostart = ()          => ["true", "1", "on"].includes(params.get("autostart") || "");
