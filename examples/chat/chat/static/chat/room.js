// A room's page: joins the socket, the messages, the people and the forms.

import { Connection } from "./connection.js";
import { MessageList } from "./messages.js";
import { paint } from "./people.js";

const $ = (id) => document.getElementById(id);

const messages = new MessageList();
// The socket has the path of the page.
const connection = new Connection(
  location.origin.replace(/^http/, "ws") + location.pathname,
);
const pageTitle = document.title;
let people = null;
let unread = 0;
// Whether the end of the messages is in view, and to be kept there.
let following = true;

// --- What the server says

const frames = {
  welcome(frame) {
    setName(frame.name);
    // What was said before isn't read out; what comes from here on is.
    $("scroller").ariaLive = "off";
    setTimeout(() => ($("scroller").ariaLive = "polite"), 1000);
    frame.messages.forEach((message) => messages.add(message));
    $("empty").hidden = !messages.isEmpty;
    people = null;
    showPeople(frame.people);
    showStatus("open", "Connected");
    $("rename").hidden = false;
    updateSend();
  },

  message(message) {
    const item = messages.add(message);
    if (!item) return;
    item.classList.add("arriving");
    $("empty").hidden = true;
    if (item.classList.contains("mine")) scrollToEnd();
    $("to-end").hidden = following;
    if (document.hidden) showUnread(unread + 1);
  },

  people(frame) {
    showPeople(frame.people);
  },
};

connection.addEventListener("frame", ({ detail }) => frames[detail.type]?.(detail));

connection.addEventListener("open", () => {
  connection.send({ type: "join", name: storedName() });
});

connection.addEventListener("lost", ({ detail: delay }) => {
  const seconds = Math.round(delay / 1000);
  const when = seconds > 1 ? `in ${seconds} seconds` : "now";
  showStatus("lost", `Connection lost, trying again ${when}`);
  updateSend();
});

// --- The name

// Each tab keeps a name of its own; a new one starts with the latest.
function storedName() {
  return sessionStorage.getItem("chat-name");
}

function setName(name) {
  sessionStorage.setItem("chat-name", name);
  localStorage.setItem("chat-name", name);
  messages.myName = name;
  $("my-name").textContent = name;
  paint($("my-avatar"), name);
}

function askName() {
  $("name").value = storedName() ?? localStorage.getItem("chat-name") ?? "";
  $("name-dialog").showModal();
  $("name").select();
}

$("rename").addEventListener("click", askName);

$("name-form").addEventListener("submit", () => {
  const name = $("name").value.trim();
  const isFirst = storedName() === null;
  sessionStorage.setItem("chat-name", name);
  if (isFirst) connection.open();
  else connection.send({ type: "join", name });
});

$("name-dialog").addEventListener("close", () => {
  $("text").focus();
});

$("name-dialog").addEventListener("cancel", (event) => {
  // Escape leaves things as they are, which at first isn't possible.
  if (storedName() === null) event.preventDefault();
});

// --- Who is here

function showPeople(names) {
  const items = names.map((name) => {
    const item = $("person-template").content.firstElementChild.cloneNode(true);
    item.querySelector(".name").textContent = name;
    item.title = name;
    item.classList.toggle("new", people !== null && !people.includes(name));
    paint(item.querySelector(".avatar"), name);
    return item;
  });
  $("people").replaceChildren(...items);
  $("people-count").textContent = names.length;
  if (people !== null) announce(people, names);
  people = names;
}

function announce(before, after) {
  const came = after.filter((name) => !before.includes(name));
  const left = before.filter((name) => !after.includes(name));
  $("announcement").textContent = [
    ...came.map((name) => `${name} is here.`),
    ...left.map((name) => `${name} has left.`),
  ].join(" ");
}

// --- The message that is being written

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text && connection.send({ type: "say", text })) {
    $("text").value = "";
    fitComposer();
    updateSend();
  }
  $("text").focus();
});

$("text").addEventListener("keydown", (event) => {
  // isComposing: Enter that chooses a word in an input method isn't for us.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

$("text").addEventListener("input", () => {
  fitComposer();
  updateSend();
});

function fitComposer() {
  const field = $("text");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

function updateSend() {
  $("send").disabled = !connection.isOpen || !$("text").value.trim();
}

// --- Around the messages

function showStatus(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = text;
}

function scrollToEnd() {
  following = true;
  $("scroller").scrollTop = $("scroller").scrollHeight;
}

function showUnread(number) {
  unread = number;
  document.title = unread ? `(${unread}) ${pageTitle}` : pageTitle;
}

$("scroller").addEventListener("scroll", () => {
  const { scrollTop, scrollHeight, clientHeight } = $("scroller");
  following = scrollHeight - scrollTop - clientHeight < 80;
  if (following) $("to-end").hidden = true;
});

const resizes = new ResizeObserver(() => following && scrollToEnd());
resizes.observe($("scroller"));
resizes.observe($("messages"));

$("to-end").addEventListener("click", () => {
  scrollToEnd();
  $("text").focus();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) showUnread(0);
});

// --- Begin

if (storedName() === null) askName();
else connection.open();
