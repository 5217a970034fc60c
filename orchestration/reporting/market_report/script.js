// A tip beside the pointer for whatever has a title, and a picture over the whole window that wheel and drag move.
const tip = document.createElement("div");
tip.id = "tip";
document.body.append(tip);
document.addEventListener("pointermove", (event) => {
  const mark = event.target.closest && event.target.closest("[data-tip]");
  tip.style.display = mark ? "block" : "none";
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  tip.style.left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.max(event.clientY - tip.offsetHeight - 8, 4) + "px";
});
const dialog = document.createElement("dialog");
document.body.append(dialog);
function enlarge(source) {
  const picture = source.cloneNode(true);
  const close = document.createElement("button");
  close.textContent = "Close";
  close.onclick = () => dialog.close();
  dialog.replaceChildren(close, picture);
  dialog.append(tip);
  dialog.showModal();
  const whole = picture.viewBox.baseVal;
  const full = { width: whole.width, height: whole.height };
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const factor = event.deltaY < 0 ? 0.8 : 1.25;
    const box = picture.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    const width = Math.min(full.width, whole.width * factor), height = width * full.height / full.width;
    whole.x += (whole.width - width) * across;
    whole.y += (whole.height - height) * down;
    whole.width = width;
    whole.height = height;
  }, { passive: false });
  picture.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const scale = whole.width / picture.getBoundingClientRect().width;
    whole.x -= event.movementX * scale;
    whole.y -= event.movementY * scale;
  });
}
dialog.addEventListener("close", () => document.body.append(tip));
for (const picture of document.querySelectorAll("figure svg")) {
  picture.addEventListener("click", () => enlarge(picture));
}
