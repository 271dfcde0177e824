// Listeners on loopback that note whatever reaches them: HTTP, bare TCP, UDP (STUN), and a name server that answers every name with
// 127.0.0.1. Each vector asks for a name of its own (`v7.probe.test`), so a hit names its vector and its channel.

import dgram from "node:dgram";
import http from "node:http";
import net from "node:net";

/** Loopback address of the name server: port 53, where resolvers ask, without touching the machine's own. */
export const NAME_SERVER = "127.77.0.53";
const NAME = /\bv(\d+)\.probe\.test/;

/** Answers an A question with 127.0.0.1, anything else with nothing. */
function dnsAnswer(query) {
  const labels = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString());
    at += query[at] + 1;
  }
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(type === 1 ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  const record = type === 1 ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1]) : Buffer.alloc(0);
  return { name: labels.join("."), packet: Buffer.concat([head, question, record]) };
}

export class Listeners {
  #hits = [];
  #closers = [];

  static async start({ names = false } = {}) {
    const listeners = new Listeners();
    const web = http.createServer((request, response) => {
      listeners.#note("http", `${request.headers.host ?? ""}${request.url}`);
      response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "text/html" });
      response.end("");
    });
    web.on("upgrade", (request, socket) => {
      listeners.#note("http", `${request.headers.host ?? ""}${request.url}`);
      socket.destroy();
    });
    web.on("connection", (socket) => {
      socket.on("error", () => undefined);
      listeners.connections += 1;
    });
    listeners.connections = 0;
    const tcp = net.createServer((socket) => {
      listeners.#note("tcp", "connection");
      socket.on("error", () => undefined);
      socket.destroy();
    });
    const udp = dgram.createSocket("udp4");
    udp.on("message", () => listeners.#note("udp", "packet"));
    await Promise.all([
      new Promise((done) => web.listen(0, "127.0.0.1", done)),
      new Promise((done) => tcp.listen(0, "127.0.0.1", done)),
      new Promise((done) => udp.bind(0, "127.0.0.1", done)),
    ]);
    listeners.#closers.push(() => new Promise((done) => { web.closeAllConnections(); web.close(done); }), () => new Promise((done) => tcp.close(done)), () => new Promise((done) => udp.close(done)));
    listeners.httpPort = web.address().port;
    listeners.tcpPort = tcp.address().port;
    listeners.udpPort = udp.address().port;
    listeners.host = `127.0.0.1:${listeners.httpPort}`;
    if (names) {
      const dns = dgram.createSocket("udp4");
      dns.on("message", (query, from) => {
        const { name, packet } = dnsAnswer(query);
        if (NAME.test(name)) listeners.#note("dns", name);
        dns.send(packet, from.port, from.address);
      });
      await new Promise((done, fail) => { dns.once("error", fail); dns.bind(53, NAME_SERVER, done); });
      listeners.#closers.push(() => new Promise((done) => dns.close(done)));
    }
    return listeners;
  }

  #note(channel, what) {
    this.#hits.push({ channel, what, vector: NAME.exec(what)?.[1] ?? null });
  }

  /** Everything that arrived, as `channel what`. */
  hits() {
    return this.#hits.map(({ channel, what }) => `${channel} ${what}`);
  }

  /** Channels by vector number. */
  byVector() {
    const found = new Map();
    for (const { channel, vector } of this.#hits) {
      if (vector !== null) found.set(Number(vector), new Set([...(found.get(Number(vector)) ?? []), channel]));
    }
    return found;
  }

  count(channel) {
    return this.#hits.filter((hit) => hit.channel === channel).length;
  }

  clear() {
    this.#hits = [];
    this.connections = 0;
  }

  stop() {
    return Promise.all(this.#closers.map((close) => close()));
  }
}
