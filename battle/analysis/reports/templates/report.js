"use strict";
(() => {
  const root = document.documentElement;
  const figures = [...document.querySelectorAll("figure.chart")];

  const options = {
    renderer: "svg", // follows the style sheet's colours, and prints sharp
    ast: true, // expressions are interpreted: the page's policy forbids to evaluate them
    actions: false,
    logLevel: 1,
    tooltip: { theme: "custom", disableDefaultStyle: true },
  };

  async function draw(figure) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const canvas = figure.querySelector(".canvas");
    try {
      const { view } = await window.vegaEmbed(canvas, spec, options);
      addEventListener("beforeprint", () => view.runAsync());
    } catch (error) {
      canvas.textContent = "This chart could not be drawn.";
      console.error(error);
    }
  }

  async function drawAll() {
    for (const figure of figures) {
      await draw(figure);
    }
    root.dataset.charts = String(figures.length);
  }

  function say(text) {
    document.getElementById("said").textContent = text;
  }

  /* Where the clipboard is not to be had (an old browser, no secure context), a selection can still be copied. */
  function copySelected(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }

  async function copy(button) {
    const text = button.dataset.copy ?? button.nextElementSibling.textContent;
    let copied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copied = copySelected(text);
    }
    const label = button.textContent;
    button.textContent = copied ? "Copied" : "Not copied";
    say(copied ? "Copied to the clipboard" : "The browser did not allow to copy");
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button && !button.dataset.busy) {
      button.dataset.busy = "1";
      copy(button).finally(() => setTimeout(() => delete button.dataset.busy, 1600));
    }
  });

  root.classList.add("scripted");
  drawAll();
})();
