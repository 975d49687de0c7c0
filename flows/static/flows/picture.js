// Keeps the picture of a flow in step with its document, and lights the arrows of the step that is looked at.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const picture = document.querySelector(".flow-picture");
  if (!picture) {
    return;
  }
  const holder = picture.querySelector(".flow-picture-drawing");
  const state = picture.querySelector(".flow-picture-state");
  const editor = document.querySelector(".flow-document");
  const WAIT = 400;
  let timer = 0;
  let asking = null;
  let text = null;
  let part = "";

  const boxes = () => [...holder.querySelectorAll(".flow-box")];
  const boxOf = (event) => event.target.closest && event.target.closest(".flow-box");

  function say(text) {
    if (state.textContent !== text) {
      state.textContent = text;
    }
  }

  // One stop of the tab key for the picture; the arrow keys go from box to box.
  function prepare() {
    boxes().forEach((box, place) => {
      box.setAttribute("tabindex", place ? "-1" : "0");
      if (editor) {
        box.setAttribute("role", "button");
      }
    });
  }

  function light(box) {
    holder.querySelectorAll(".flow-lit").forEach((arrow) => arrow.classList.remove("flow-lit"));
    if (box) {
      holder
        .querySelectorAll(`.flow-arrow[data-source="${box.dataset.place}"]`)
        .forEach((arrow) => arrow.classList.add("flow-lit"));
    }
  }

  function show(drawn) {
    const focused = document.activeElement.closest(".flow-box");
    const pointer = focused && holder.contains(focused) ? focused.dataset.pointer : null;
    const old = holder.querySelector(".flow-drawing");
    if (old && !drawn.querySelector(".flow-drawing")) {
      // While a text is half written, the picture of the last whole one is worth more than none.
      drawn.classList.add("flow-picture-old");
      drawn.append(old);
    }
    const turned = holder.querySelector(".flow-picture-parts")?.contains(document.activeElement);
    holder.replaceChildren(drawn);
    prepare();
    if (turned) {
      holder.querySelector(".flow-picture-parts [aria-current]")?.focus();
    }
    const same = pointer === null ? null : boxes().find((box) => box.dataset.pointer === pointer);
    if (same) {
      same.focus({ preventScroll: true });
    }
  }

  async function redraw() {
    if (asking) {
      asking.abort();
    }
    const mine = new AbortController();
    asking = mine;
    const form = editor.closest("form");
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.append("flow_name", form.elements.flow_name.value);
    body.append("flow_json", text ?? editor.querySelector("textarea").value);
    body.append("picture", part);
    try {
      const answer = await fetch(picture.dataset.url, { method: "POST", body, signal: mine.signal });
      if (answer.redirected || answer.status === 403) {
        say("Not redrawn: you are no longer logged in, or may no longer see this flow.");
        return;
      }
      const parsed = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
      const drawn = parsed.querySelector(".flow-picture-drawn");
      if (!drawn) {
        throw new Error("no picture in the answer");
      }
      show(document.adoptNode(drawn));
      say(drawn.dataset.summary);
    } catch {
      if (!mine.signal.aborted) {
        say("Not redrawn: the server does not answer.");
      }
    }
  }

  function later(written) {
    text = written;
    window.clearTimeout(timer);
    timer = window.setTimeout(redraw, WAIT);
  }

  function turnTo(link) {
    window.clearTimeout(timer);
    part = link.dataset.part;
    return redraw();
  }

  function go(box) {
    const detail = { pointer: box.dataset.pointer };
    editor.dispatchEvent(new CustomEvent("flow-goto", { bubbles: true, detail }));
  }

  function walk(event, box) {
    const all = boxes();
    const place = all.indexOf(box);
    const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) {
      return;
    }
    event.preventDefault();
    if (all[next]) {
      box.setAttribute("tabindex", "-1");
      all[next].setAttribute("tabindex", "0");
      all[next].focus();
    }
  }

  holder.addEventListener("mouseover", (event) => light(boxOf(event)));
  holder.addEventListener("mouseleave", () => light(document.activeElement.closest(".flow-box")));
  holder.addEventListener("focusin", (event) => light(boxOf(event)));
  holder.addEventListener("focusout", () => light(null));
  holder.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-part]");
    if (editor && link) {
      event.preventDefault();
      turnTo(link);
      return;
    }
    if (editor && boxOf(event)) {
      go(boxOf(event));
    }
  });
  holder.addEventListener("keydown", (event) => {
    const box = boxOf(event);
    if (box && editor && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      go(box);
    } else if (box) {
      walk(event, box);
    }
  });
  if (editor) {
    editor.addEventListener("flow-document-changed", (event) => later(event.detail.text));
    editor.querySelector("textarea").addEventListener("input", (event) => later(event.target.value));
  }
  prepare();
});
