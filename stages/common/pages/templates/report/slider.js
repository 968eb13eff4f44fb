// A line on a chart that is dragged, and what it says of itself.

// Pointer and keys of one chart; `at` takes a place on its axis, 0..1.
function slider(axes, at, onKey) {
  const handle = $("[role=slider]", axes);
  const place = (event) => {
    const box = axes.getBoundingClientRect();
    at(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  };
  axes.addEventListener("pointerdown", (event) => {
    axes.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    place(event);
    event.preventDefault();
  });
  axes.addEventListener("pointermove", (event) => {
    if (axes.hasPointerCapture(event.pointerId)) place(event);
  });
  handle.addEventListener("keydown", (event) => {
    if (onKey(event.key)) event.preventDefault();
  });
  return { handle, gone: $(".gone", axes) };
}

function place({ handle, gone }, at, size, side) {
  handle.style.left = `${100 * at}%`;
  gone.style[side] = "0";
  gone.style.width = `${100 * size}%`;
}

function describe(handle, low, high, now, text) {
  handle.setAttribute("aria-valuemin", low);
  handle.setAttribute("aria-valuemax", high);
  handle.setAttribute("aria-valuenow", now);
  handle.setAttribute("aria-valuetext", text);
}

function difference(now, before, digits = 0) {
  const change = before === undefined || before === null ? 0 : now - before;
  const size = digits ? fixed(Math.abs(change), digits) : whole(Math.abs(change));
  return Number(size.replaceAll(",", "")) === 0 ? "" : `${change < 0 ? "−" : "+"}${size}`;
}
