// A WebSocket that comes back: JSON frames in and out, and after a loss a new
// attempt, later each time, up to half a minute.

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
const HEARTBEAT = 20_000;

export class Connection extends EventTarget {
  #url;
  #socket = null;
  #attempts = 0;
  #retry = null;
  #beat = null;

  // Events: "open"; "frame", with the frame as its detail; "lost", with the
  // milliseconds to the next attempt.
  constructor(url) {
    super();
    this.#url = url;
    // Don't sit out a long delay when it's clear that something changed.
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#hurry();
    });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    clearTimeout(this.#retry);
    this.#retry = null;
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.onopen = () => {
      this.#beat = setInterval(() => this.send({ type: "here" }), HEARTBEAT);
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (event) => {
      this.#attempts = 0;
      const detail = JSON.parse(event.data);
      this.dispatchEvent(new CustomEvent("frame", { detail }));
    };
    socket.onclose = () => {
      clearInterval(this.#beat);
      const delay = this.#nextDelay();
      this.#retry = setTimeout(() => this.open(), delay);
      this.dispatchEvent(new CustomEvent("lost", { detail: delay }));
    };
  }

  // Returns whether there was a socket to send on.
  send(frame) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  // Random, so that a restarted server doesn't meet everybody at once.
  #nextDelay() {
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts);
    this.#attempts += 1;
    return longest / 2 + (Math.random() * longest) / 2;
  }

  #hurry() {
    if (this.#retry !== null) this.open();
  }
}
