"""Scripts for the page of `bench map-page`: a probe of what is drawn and when, a peer that draws all points, and the zoom."""

from typing import Final

_QUIET_MS: Final = 3000

PROBE: Final = f"""
// Counts the pictures that are drawn, and keeps the time of each frame.
globalThis.measured = (() => {{
  const {{ drawImage }} = CanvasRenderingContext2D.prototype;
  const ask = requestAnimationFrame.bind(window);
  let first = 0, last = 0, most = 0, drawn = 0, frames = [];
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {{
    if (image instanceof ImageBitmap) drawn += 1;
    return drawImage.call(this, image, ...rest);
  }};
  window.requestAnimationFrame = (draw) => ask((now) => {{
    const begun = performance.now();
    drawn = 0;
    (globalThis.drawInstead ?? draw)(now);
    const ended = performance.now();
    frames.push(begun);
    if (drawn && !first) first = ended;
    if (drawn > most) [most, last] = [drawn, ended];
  }});
  return {{
    rested: () => first > 0 && performance.now() - last > {_QUIET_MS},
    loading: () => ({{ first_picture_ms: first, all_pictures_ms: last, pictures: most }}),
    begin: () => void (frames = []),
    frames: () => frames.length,
    end: () => {{
      const apart = frames.slice(1).map((at, i) => at - frames[i]);
      return {{
        frames_per_s: (1000 * apart.length) / (frames.at(-1) - frames[0]),
        slowest_frame_ms: Math.max(...apart),
        frames: frames.length,
      }};
    }},
  }};
}})();
"""

PEER: Final = """
// A plain scatter plot: every product is a disc in every frame. It follows the same wheel, and draws on the same canvas.
addEventListener("DOMContentLoaded", async () => {
  const { x, y } = await (await fetch("/api/map")).json();
  let zoom = 1;
  const plot = (canvas, pen) => {
    const side = Math.min(canvas.width, canvas.height) * zoom;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "#0b6e4f";
    for (let i = 0; i < x.length; i++) {
      pen.beginPath();
      pen.arc(canvas.width / 2 + (x[i] / 65536 - 0.5) * side, canvas.height / 2 + (y[i] / 65536 - 0.5) * side, 2, 0, 7);
      pen.fill();
    }
  };
  globalThis.scatter = () => {
    const canvas = document.querySelector("canvas");
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("no canvas");
    canvas.addEventListener("wheel", ({ deltaY }) => (zoom *= 1.0018 ** -deltaY), { capture: true });
    globalThis.drawInstead = () => plot(canvas, pen);
  };
});
"""

ZOOM: Final = """
async () => {
  const canvas = document.querySelector("canvas");
  const { left, top, width, height } = canvas.getBoundingClientRect();
  globalThis.scatter?.();
  const turn = (deltaY) => canvas.dispatchEvent(new WheelEvent("wheel", {
    deltaY, clientX: left + width * 0.45, clientY: top + height * 0.45, bubbles: true, cancelable: true,
  }));
  measured.begin();
  const begun = performance.now();
  const passed = () => performance.now() - begun;
  // For six seconds, or on a slow machine until there are frames to count.
  for (let i = 0; passed() < 6000 || (measured.frames() < 20 && passed() < 60000); i++) {
    turn(Math.floor(i / 100) % 2 ? 24 : -24);
    await new Promise((done) => setTimeout(done, 16));
  }
  return measured.end();
}
"""
