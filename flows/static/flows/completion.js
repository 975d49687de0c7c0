// Offers what can be written at the cursor: on Ctrl-Space, and while a string is typed. The server knows the answers.
"use strict";

document.addEventListener("flow-editor-started", ({ detail: editor }) => {
  const { box, holder } = editor;
  const PAUSE = 120;
  const list = box.querySelector(".flow-completion");
  let ace = null;
  let timer = 0;
  let version = 0;
  let asking = false;
  let wanted = false;
  let found = null;
  let chosen = 0;

  const isOpen = () => !list.hidden;
  const inputElement = () => ace.textInput.getElement();

  function close() {
    clearTimeout(timer);
    version++;
    wanted = false;
    list.hidden = true;
    if (!ace) return;
    inputElement().removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    const options = list.children;
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = (index + options.length) % options.length;
    options[chosen].setAttribute("aria-selected", "true");
    options[chosen].scrollIntoView({ block: "nearest" });
    inputElement().setAttribute("aria-activedescendant", options[chosen].id);
  }

  function option({ label, detail }, index) {
    const item = document.createElement("li");
    item.id = `${list.id}-${index}`;
    item.setAttribute("role", "option");
    const name = document.createElement("bdi");
    const note = document.createElement("bdi");
    name.textContent = label;
    note.textContent = detail;
    note.className = "flow-completion-detail";
    item.append(name, " ", note);
    return item;
  }

  function open() {
    list.replaceChildren(...found.candidates.map(option));
    list.hidden = false;
    const { row, column } = ace.session.doc.indexToPosition(found.start);
    const place = ace.renderer.textToScreenCoordinates(row, column);
    const frame = box.getBoundingClientRect();
    const room = frame.width - list.offsetWidth;
    list.style.left = `${Math.max(0, Math.min(place.pageX - frame.left, room))}px`;
    const line = ace.renderer.lineHeight;
    const fitsBelow = place.pageY + line + list.offsetHeight < window.innerHeight || place.pageY < list.offsetHeight;
    list.style.top = `${place.pageY - frame.top + (fitsBelow ? line + 2 : -list.offsetHeight - 2)}px`;
    chosen = 0;
    choose(0);
  }

  // What is there already is no help.
  const isWritten = ({ candidates, start, end }) =>
    candidates.length === 1 && candidates[0].text === editor.text().slice(start, end);

  // One question at a time; an answer to an earlier one than the last is dropped.
  async function ask() {
    if (asking || !wanted) return;
    asking = true;
    const asked = version;
    try {
      const answer = await (await editor.ask("complete", { cursor: editor.cursor() })).json();
      if (asked === version) {
        wanted = false;
        found = { ...answer, length: editor.text().length };
        if (found.candidates.length && !isWritten(found)) open();
        else close();
      }
    } catch (error) {
      wanted = false;
      editor.say(error.message);
    }
    asking = false;
    ask();
  }

  function later() {
    clearTimeout(timer);
    version++;
    wanted = true;
    timer = setTimeout(ask, PAUSE);
  }

  function take() {
    const { start, candidates, length } = found;
    const { text } = candidates[chosen];
    // What was typed since the answer came stands between start and end too.
    const end = Math.max(start, found.end + editor.text().length - length);
    close();
    const after = start + text.length - (text.endsWith('"') ? 1 : 0);
    editor.change([[start, end, text]], [after, after]);
  }

  const inString = () => {
    const { row, column } = ace.getCursorPosition();
    const token = ace.session.getTokenAt(row, column);
    return Boolean(token && /string|variable/.test(token.type));
  };

  function afterCommand({ command }) {
    if (command.name === "insertstring" && inString()) later();
    else if (command.name === "backspace" && isOpen()) later();
    else close();
  }

  const keys = {
    ArrowDown: () => choose(chosen + 1),
    ArrowUp: () => choose(chosen - 1),
    PageDown: () => choose(Math.min(chosen + 8, list.children.length - 1)),
    PageUp: () => choose(Math.max(chosen - 8, 0)),
    Enter: take,
    Tab: take,
    Escape: close,
  };

  holder.addEventListener(
    "keydown",
    (event) => {
      if (!ace || event.isComposing) return;
      const asks = event.ctrlKey && event.key === " ";
      const act = asks ? later : isOpen() && !event.ctrlKey && !event.altKey && !event.shiftKey && keys[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
    true,
  );
  list.addEventListener("mousedown", (event) => {
    const item = event.target.closest("[role=option]");
    event.preventDefault();
    if (!item) return;
    choose([...list.children].indexOf(item));
    take();
  });

  box.addEventListener("flow-code-mode", ({ detail }) => {
    ace = detail;
    const input = inputElement();
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-haspopup", "listbox");
    input.setAttribute("aria-controls", list.id);
    ace.commands.on("afterExec", afterCommand);
    ace.on("blur", close);
    ace.on("mousedown", close);
    ace.session.on("changeScrollTop", close);
  });
});
