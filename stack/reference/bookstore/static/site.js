// The one script of the bookstore: "/" jumps to the search box, and a form is sent only once.
"use strict";

document.addEventListener("keydown", (event) => {
  const box = document.getElementById("q");
  if (event.key === "/" && box && document.activeElement !== box) {
    event.preventDefault();
    box.focus();
  }
});

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  const button = event.target.querySelector("button");
  if (button) setTimeout(() => { button.disabled = true; }, 0);
});
