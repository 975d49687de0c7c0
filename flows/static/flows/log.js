/* Follow the log: ask for the rows after the last one, and put them on top. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".log-follow");
  if (!box) {
    return;
  }
  const SOONEST = 2000;
  const LATEST = 15000;
  const LATEST_WHEN_AWAY = 60000;
  const MOST_ROWS = 1000;
  // Ids are given out before the rows are committed: a row may turn up a little below the last one.
  const LOOK_BACK = 200;

  const button = box.querySelector("button");
  const state = box.querySelector(".log-follow-state");
  const table = document.getElementById("result_list");
  const body = table.tBodies[0];
  const lowest = Number(box.dataset.lowest);
  let last = Number(box.dataset.last);
  let following = false;
  let wait = SOONEST;
  let timer = 0;
  let asking = null;

  function say(text, away = false) {
    if (state.textContent !== text) {
      state.textContent = text;
    }
    state.classList.toggle("log-away", away);
  }

  function later() {
    window.clearTimeout(timer);
    if (following && !document.hidden) {
      timer = window.setTimeout(ask, wait);
    }
  }

  function place(row) {
    const id = Number(row.dataset.id);
    if (id < lowest || body.querySelector(`tr[data-id="${id}"]`)) {
      return 0;
    }
    const next = [...body.rows].find((other) => Number(other.dataset.id) < id);
    row.classList.add("log-new");
    body.insertBefore(row, next || null);
    return 1;
  }

  function show(text) {
    const answer = new DOMParser().parseFromString(text, "text/html").querySelector("table[data-last]");
    if (!answer) {
      throw new Error("no rows in the answer");
    }
    body.querySelectorAll(".log-new").forEach((row) => row.classList.remove("log-new"));
    let added = 0;
    [...answer.tBodies[0].rows].reverse().forEach((row) => {
      added += place(document.adoptNode(row));
    });
    while (body.rows.length > MOST_ROWS) {
      body.deleteRow(-1);
    }
    if (added) {
      table.hidden = false;
      document.querySelectorAll(".log-nothing").forEach((note) => note.remove());
    }
    last = Math.max(last, Number(answer.dataset.last));
    return { added, missed: added > 0 && !("all" in answer.dataset) };
  }

  function address() {
    const url = new URL(box.dataset.url, window.location.href);
    url.searchParams.set("after", String(Math.max(last - LOOK_BACK, lowest - 1, 0)));
    return url;
  }

  async function ask() {
    if (asking || !following || document.hidden) {
      return;
    }
    asking = new AbortController();
    const slow = window.setTimeout(() => asking.abort(), 20000);
    try {
      const answer = await fetch(address(), { signal: asking.signal, credentials: "same-origin" });
      if (answer.redirected || answer.status === 403) {
        stop("You are no longer logged in, or may no longer read the log.", true);
        return;
      }
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      const { added, missed } = show(await answer.text());
      wait = added ? SOONEST : Math.min(wait * 1.5, LATEST);
      if (following) {
        say(missed ? "Following; more rows came than are shown here." : "Following.");
      }
    } catch {
      wait = Math.min(wait * 2, LATEST_WHEN_AWAY);
      if (following) {
        say(`The server does not answer; trying again in ${Math.round(wait / 1000)} seconds.`, true);
      }
    } finally {
      window.clearTimeout(slow);
      asking = null;
      later();
    }
  }

  function start() {
    following = true;
    wait = SOONEST;
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    say("Following.");
    ask();
  }

  function stop(text, away = false) {
    following = false;
    window.clearTimeout(timer);
    button.textContent = "Follow";
    button.setAttribute("aria-pressed", "false");
    say(text, away);
  }

  button.addEventListener("click", () => (following ? stop("Paused.") : start()));
  document.addEventListener("visibilitychange", () => {
    window.clearTimeout(timer);
    if (following && !document.hidden) {
      wait = SOONEST;
      ask();
    }
  });
  box.hidden = false;
});
