// The list of messages. Text from others only ever becomes textContent.

import { paint } from "./people.js";

const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

// A message so soon after one of the same person needs no second byline.
const TOGETHER = 5 * 60_000;

export class MessageList {
  #list = document.getElementById("messages");
  #template = document.getElementById("message-template");
  #myName = "";

  get isEmpty() {
    return this.#list.childElementCount === 0;
  }

  set myName(name) {
    this.#myName = name;
    for (const item of this.#list.children) this.#arrange(item);
  }

  // Puts a message where it belongs by its number, unless it is there: after
  // a reconnect some come twice. Returns its element if it was new.
  add(message) {
    let before = this.#list.lastElementChild;
    while (before && Number(before.dataset.id) > message.id) {
      before = before.previousElementSibling;
    }
    if (before && Number(before.dataset.id) === message.id) return null;
    const item = this.#build(message);
    if (before) before.after(item);
    else this.#list.prepend(item);
    this.#arrange(item);
    if (item.nextElementSibling) this.#arrange(item.nextElementSibling);
    return item;
  }

  #build({ id, name, text, sent }) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const at = new Date(sent);
    Object.assign(item.dataset, { id, name, sent: at.getTime() });
    item.querySelector(".name").textContent = name;
    item.querySelector(".text").textContent = text;
    item.querySelector(".day").textContent = dayName(at);
    item.querySelector("time").dateTime = sent;
    item.querySelector("time").textContent = time.format(at);
    paint(item.querySelector(".avatar"), name);
    return item;
  }

  #arrange(item) {
    const last = item.previousElementSibling;
    const newDay = !last || !sameDay(last.dataset.sent, item.dataset.sent);
    const soon = last && item.dataset.sent - last.dataset.sent < TOGETHER;
    item.classList.toggle("new-day", newDay);
    item.classList.toggle(
      "follows",
      Boolean(!newDay && soon && last.dataset.name === item.dataset.name),
    );
    item.classList.toggle("mine", item.dataset.name === this.#myName);
  }
}

function sameDay(one, other) {
  return new Date(Number(one)).toDateString() === new Date(Number(other)).toDateString();
}

function dayName(date) {
  return sameDay(date.getTime(), Date.now()) ? "Today" : day.format(date);
}
