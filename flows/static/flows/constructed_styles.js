// Lets the style sheets that the editor's scripts bring along come in as constructed ones, which a strict
// Content-Security-Policy allows; as <style> elements they would need 'unsafe-inline'. Loaded before the editor.
"use strict";

(() => {
  const adopted = new Set();

  function adopt(text) {
    if (adopted.has(text)) return;
    adopted.add(text);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    // Before those of the page's own files there is no place; what is meant to win over these is worded stronger.
    document.adoptedStyleSheets.push(sheet);
  }

  // Stands in the page where the <style> would, and hands on its text.
  function standIn() {
    const element = document.createElement("template");
    element.appendChild = (node) => {
      adopt(node.data);
      return node;
    };
    Object.defineProperty(element, "textContent", { set: adopt });
    return element;
  }

  for (const name of ["createElement", "createElementNS"]) {
    const create = document[name];
    document[name] = function (...args) {
      return args.includes("style") ? standIn() : create.apply(document, args);
    };
  }
})();
