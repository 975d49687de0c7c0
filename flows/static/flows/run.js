/* Watch a run: ask for what is new of the same fragment until the run has ended; and read a text when it is unfolded. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".run-live");
  if (!box) {
    return;
  }
  const SOONEST = 1000;
  const LATEST = 5000;
  const LATEST_WHEN_AWAY = 30000;
  const WHEN_HIDDEN = 15000;

  const away = document.querySelector(".run-away");
  let wait = SOONEST;
  let timer = 0;
  let asking = null;

  function say(text) {
    if (away.textContent !== text) {
      away.textContent = text;
    }
    away.hidden = !text;
  }

  // What stands here already need not be sent again.
  function address() {
    const url = new URL(box.dataset.url, window.location.href);
    box.querySelectorAll(".run-part[data-version]").forEach((part) => {
      url.searchParams.set(part.dataset.part, part.dataset.version);
    });
    return url;
  }

  const mayChange = () => Boolean(box.querySelector(".run-fragment[data-may-change]"));
  const foldable = (part) => [...part.querySelectorAll("details[data-key]")];
  const foldedBy = (part) => new Map(foldable(part).map((one) => [one.dataset.key, one.open]));

  function isInUse(part) {
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  }

  function comparable(part) {
    const copy = part.cloneNode(true);
    copy.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((field) => field.remove());
    foldable(copy).forEach((one) => one.removeAttribute("open"));
    return copy.innerHTML;
  }

  // Of one execution nothing changes: what was read of it stays.
  function keepWhatWasRead(old, part) {
    const read = [...old.querySelectorAll("details[data-read]")];
    foldable(part).forEach((one) => {
      const same = read.find((other) => other.dataset.key === one.dataset.key && other.dataset.read === one.dataset.more);
      if (same) {
        one.querySelector(".run-text-body").replaceWith(same.querySelector(".run-text-body"));
        one.dataset.read = one.dataset.more;
      }
    });
  }

  async function readMore(text) {
    const url = text.dataset.more;
    if (!url || text.dataset.read === url) {
      return;
    }
    text.dataset.read = url;
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      const parsed = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
      const body = parsed.querySelector(".run-text-body");
      if (!body) {
        throw new Error("no text in the answer");
      }
      text.querySelector(".run-text-body").replaceWith(document.adoptNode(body));
    } catch {
      // The beginning stands there, with the way to all of it; the next unfolding asks again.
      delete text.dataset.read;
    }
  }

  function replace(old, part) {
    const folded = foldedBy(old);
    foldable(part).forEach((one) => {
      one.open = folded.get(one.dataset.key) ?? one.open;
    });
    keepWhatWasRead(old, part);
    const key = old.contains(document.activeElement) && document.activeElement.closest("details")?.dataset.key;
    old.replaceWith(document.adoptNode(part));
    if (key) {
      foldable(part).find((one) => one.dataset.key === key)?.querySelector("summary").focus();
    }
  }

  function show(text) {
    const answer = new DOMParser().parseFromString(text, "text/html").querySelector(".run-fragment");
    if (!answer) {
      throw new Error("no run in the answer");
    }
    let changed = false;
    answer.querySelectorAll(".run-part").forEach((part) => {
      const old = box.querySelector(`.run-part[data-part="${part.dataset.part}"]`);
      if (!old || isInUse(old)) {
        return;
      }
      if (comparable(old) !== comparable(part)) {
        replace(old, part);
        changed = true;
      } else if (part.dataset.version) {
        old.dataset.version = part.dataset.version;
      }
    });
    box.querySelector(".run-fragment").toggleAttribute("data-may-change", "mayChange" in answer.dataset);
    return changed;
  }

  async function ask() {
    if (asking) {
      return;
    }
    asking = new AbortController();
    const slow = window.setTimeout(() => asking.abort(), 20000);
    try {
      const answer = await fetch(address(), { signal: asking.signal, credentials: "same-origin" });
      if (answer.redirected || answer.status === 403) {
        say("You are no longer logged in, or may no longer see runs. What stands here is not renewed.");
        return;
      }
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      wait = show(await answer.text()) ? SOONEST : Math.min(wait * 1.5, LATEST);
      say("");
      later();
    } catch {
      wait = Math.min(wait * 2, LATEST_WHEN_AWAY);
      say(`The server does not answer; trying again in ${Math.round(wait / 1000)} seconds.`);
      later();
    } finally {
      window.clearTimeout(slow);
      asking = null;
    }
  }

  function later() {
    window.clearTimeout(timer);
    if (mayChange()) {
      timer = window.setTimeout(ask, document.hidden ? WHEN_HIDDEN : wait);
    }
  }

  // The event of a fold does not bubble.
  box.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches("details[data-more]")) {
      readMore(event.target);
    }
  }, true);

  document.addEventListener("visibilitychange", () => {
    if (mayChange() && !document.hidden) {
      window.clearTimeout(timer);
      wait = SOONEST;
      ask();
    }
  });
  later();
});
