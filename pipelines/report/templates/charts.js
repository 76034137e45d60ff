"use strict";

// Histograms and top values: the first split is filled, the others are drawn over it.
const WIDTH = 1000;

function plot(found, log) {
  const drawn = found.map((stats, place) => ({ ...stats, place })).filter((one) => one.edges);
  if (!drawn.length) return null;
  const { edges } = drawn[0];
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const x = (value) => (high > low ? ((value - low) / (high - low)) * WIDTH : WIDTH / 2);
  return element(
    "div",
    { class: "plot", role: "img", "aria-label": spoken(drawn) },
    histogram(drawn, x, low === high, log),
    ...drawn.map((one) => (one.quantiles ? strip(one, x) : null)),
    axis(low, high),
  );
}

function spoken(drawn) {
  const parts = drawn.map(
    (one) =>
      `${page.splits[one.place]} from ${figure(one.min)} to ${figure(one.max)}, ` +
      `median ${figure(one.median)}`,
  );
  return `Histogram. ${parts.join("; ")}.`;
}

// The splits have the same bars, which are as high as the share of the numbers in them is dense.
function histogram(drawn, x, single, log) {
  const all = drawn.map((one) => bars(one, x, single));
  const highest = Math.max(...all.flat().map((bar) => bar.density)) || 1;
  const y = (density) =>
    100 * (1 - (log ? Math.log1p((1000 * density) / highest) / Math.log1p(1000) : density / highest));
  const svg = shape("svg", {
    class: "bars",
    viewBox: `0 0 ${WIDTH} 100`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  all.forEach((of, index) => svg.append(index ? outline(of, y) : filling(of, y)));
  return svg;
}

function bars(one, x, single) {
  const total = one.counts.reduce((sum, count) => sum + count, 0) || 1;
  return one.counts.map((count, index) => {
    let [left, right] = [x(one.edges[index]), x(one.edges[index + 1])];
    if (single) [left, right] = [WIDTH / 2 - 20, WIDTH / 2 + 20];
    else if (right - left < 4) [left, right] = [left - 2, right + 2];
    const told = `${figure(one.edges[index])} to ${figure(one.edges[index + 1])}`;
    return {
      left,
      right,
      density: count / total / (right - left),
      place: one.place,
      title: `${page.splits[one.place]}: ${told}: ${figure(count)} (${share(count, total)})`,
    };
  });
}

function filling(of, y) {
  const group = shape("g", { class: `split-${of[0].place % 5}` });
  for (const { left, right, density, title } of of) {
    const top = density ? Math.min(y(density), 99) : 100;
    const size = { x: left, y: top, width: Math.max(right - left - 2, 1), height: 100 - top };
    group.append(shape("rect", { class: "fill", ...size }, shape("title", {}, title)));
  }
  return group;
}

function outline(of, y) {
  const steps = of.map(({ left, right, density }) => `V${y(density)}H${right}`);
  const d = `M${of[0].left} 100${steps.join("")}V100`;
  return shape("path", { class: `line split-${of[0].place % 5}`, d });
}

// From the smallest to the largest number, a tick at each quantile; the middle half is a band.
function strip(one, x) {
  const last = one.quantiles.length - 1;
  const at = (part) => x(one.quantiles[Math.round(part * last)]);
  const line = (name, place) => shape("line", { class: name, x1: place, x2: place, y1: 1, y2: 9 });
  return shape(
    "svg",
    {
      class: `strip split-${one.place % 5}`,
      viewBox: `0 0 ${WIDTH} 10`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    shape("line", { class: "range", x1: at(0), x2: at(1), y1: 5, y2: 5 }),
    shape("rect", { class: "half", x: at(0.25), width: Math.max(at(0.75) - at(0.25), 1), y: 1, height: 8 }),
    ...one.quantiles.map((value) => line("tick", x(value))),
    line("median", at(0.5)),
  );
}

function axis(low, high) {
  const node = element("div", { class: "axis", "aria-hidden": "true" });
  for (const value of ticks(low, high)) {
    const part = high > low ? (value - low) / (high - low) : 0.5;
    const label = element("span", { class: part < 0.04 ? "first" : part > 0.96 ? "last" : "" }, figure(value));
    label.style.left = `${100 * part}%`;
    node.append(label);
  }
  return node;
}

// Round numbers in a range, four to eight of them.
function ticks(low, high) {
  const range = high - low;
  if (!(range > 0) || !isFinite(range)) return [low];
  const power = 10 ** Math.floor(Math.log10(range / 5));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => range / one <= 6);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, place) => (first + place) * step);
}
