// The pointer reads values off the lines of a chart; the legend shows them.
for (const chart of document.querySelectorAll(".chart[data-x]")) {
  const drawing = chart.querySelector(".drawing"), ruler = chart.querySelector(".ruler");
  const value = (low, high, log, at) => log ? 10 ** (low + at * (high - low)) : low + at * (high - low);
  const [x, y] = [chart.dataset.x, chart.dataset.y].map(text => text.split(" ").map(Number));
  const [wide, high] = drawing.getAttribute("viewBox").split(" ").slice(2).map(Number);
  const lines = [...drawing.querySelectorAll(".line")].map(line => {
    const points = [];
    for (const piece of line.getAttribute("d").split("M").slice(1)) {
      const numbers = piece.match(/-?\d+/g).map(Number);
      for (let i = 0, px = 0, py = 0; i < numbers.length; i += 2)
        points.push([px += numbers[i], py += numbers[i + 1]]);
    }
    return points;
  });
  const shown = chart.querySelectorAll(".legend output"), where = chart.querySelector(".x-label output");
  const clear = () => {
    ruler.setAttribute("d", "");
    for (const each of [...shown, where]) each.textContent = "";
  };
  const read = event => {
    const box = drawing.getBoundingClientRect(), px = wide * (event.clientX - box.left) / box.width;
    if (px < 0 || px > wide || !lines[0].length) return clear();
    const nearest = points => points.reduce((a, b) => Math.abs(b[0] - px) < Math.abs(a[0] - px) ? b : a);
    const at = nearest(lines[0])[0];
    ruler.setAttribute("d", `M${at} 0V${high}`);
    const here = value(...x, "logX" in chart.dataset, at / wide), step = +chart.dataset.step;
    const exact = step ? x[0] + step * Math.round((here - x[0]) / step) : +here.toPrecision(3);
    where.textContent = "time" in chart.dataset
      ? new Date(exact / 1e6).toISOString().slice(0, 19).replace("T", " ") : `${exact} ${chart.dataset.unit}`;
    lines.forEach((points, i) => {
      const [found, py] = nearest(points);
      if (shown[i]) shown[i].textContent = Math.abs(found - at) > 1 ? "" : +value(...y, "logY" in chart.dataset, 1 - py / high).toPrecision(3);
    });
  };
  drawing.parentNode.addEventListener("pointermove", read);
  drawing.parentNode.addEventListener("pointerdown", read);
  drawing.parentNode.addEventListener("pointerleave", clear);
}
// A point and its row of the table stand out together.
for (const each of document.querySelectorAll("[data-key]"))
  for (const [event, on] of [["pointerenter", true], ["pointerleave", false]])
    each.addEventListener(event, () => document.querySelectorAll(`[data-key="${each.dataset.key}"]`)
      .forEach(other => other.classList.toggle("on", on)));
// A search leaves the rows of the series whose names have the text.
const find = document.getElementById("find-series");
if (find) {
  const rows = [...document.querySelectorAll("#series tbody tr")], told = document.getElementById("found-series");
  find.addEventListener("input", () => {
    const text = find.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(text);
      count += !row.hidden;
    }
    told.textContent = text ? `${count} found` : "";
  });
}
