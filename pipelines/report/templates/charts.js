"use strict";

// Histograms: the first split is filled, the others are outlines over it.
const WIDTH = 1000;

function plot(summaries, log) {
  const splits = summaries.map((stats, index) => ({ ...stats, index })).filter((split) => split.edges);
  if (!splits.length) return null;
  const { edges } = splits[0];
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const x = (value) => (high > low ? ((value - low) / (high - low)) * WIDTH : WIDTH / 2);
  return element(
    "div",
    { class: "plot", role: "img", "aria-label": description(splits) },
    histogram(splits, x, low === high, log),
    ...splits.map((split) => (split.quantiles ? strip(split, x) : null)),
    axis(low, high),
  );
}

function description(splits) {
  const parts = splits.map(
    (split) =>
      `${page.splits[split.index]} from ${figure(split.min)} to ${figure(split.max)}, ` +
      `median ${figure(split.median)}`,
  );
  return `Histogram. ${parts.join("; ")}.`;
}

// The height of a bar is the density: the share of the numbers in it, divided by its width.
function histogram(splits, x, single, log) {
  const all = splits.map((split) => bars(split, x, single));
  const highest = Math.max(...all.flat().map((bar) => bar.density)) || 1;
  const y = (density) =>
    100 * (1 - (log ? Math.log1p((1000 * density) / highest) / Math.log1p(1000) : density / highest));
  const svg = shape("svg", {
    class: "bars",
    viewBox: `0 0 ${WIDTH} 100`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  all.forEach((splitBars, index) => svg.append(index ? outline(splitBars, y) : filling(splitBars, y)));
  return svg;
}

function bars(split, x, single) {
  const total = split.counts.reduce((sum, count) => sum + count, 0) || 1;
  return split.counts.map((count, index) => {
    let [left, right] = [x(split.edges[index]), x(split.edges[index + 1])];
    if (single) [left, right] = [WIDTH / 2 - 20, WIDTH / 2 + 20];
    else if (right - left < 4) [left, right] = [left - 2, right + 2];
    const interval = `${figure(split.edges[index])} to ${figure(split.edges[index + 1])}`;
    return {
      left,
      right,
      density: count / total / (right - left),
      index: split.index,
      title: `${page.splits[split.index]}: ${interval}: ${figure(count)} (${share(count, total)})`,
    };
  });
}

function filling(splitBars, y) {
  const group = shape("g", { class: `split-${splitBars[0].index % 5}` });
  for (const { left, right, density, title } of splitBars) {
    const top = density ? Math.min(y(density), 99) : 100;
    const size = { x: left, y: top, width: Math.max(right - left - 2, 1), height: 100 - top };
    group.append(shape("rect", { class: "fill", ...size }, shape("title", {}, title)));
  }
  return group;
}

function outline(splitBars, y) {
  const steps = splitBars.map(({ right, density }) => `V${y(density)}H${right}`);
  const d = `M${splitBars[0].left} 100${steps.join("")}V100`;
  return shape("path", { class: `line split-${splitBars[0].index % 5}`, d });
}

// A line from the smallest to the largest number, a tick at each quantile, a band for the middle 50%.
function strip(split, x) {
  const last = split.quantiles.length - 1;
  const at = (part) => x(split.quantiles[Math.round(part * last)]);
  const line = (name, position) => shape("line", { class: name, x1: position, x2: position, y1: 1, y2: 9 });
  return shape(
    "svg",
    {
      class: `strip split-${split.index % 5}`,
      viewBox: `0 0 ${WIDTH} 10`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    shape("line", { class: "range", x1: at(0), x2: at(1), y1: 5, y2: 5 }),
    shape("rect", { class: "half", x: at(0.25), width: Math.max(at(0.75) - at(0.25), 1), y: 1, height: 8 }),
    ...split.quantiles.map((value) => line("tick", x(value))),
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

// Return four to eight round numbers in a range.
function ticks(low, high) {
  const range = high - low;
  if (!(range > 0) || !isFinite(range)) return [low];
  const power = 10 ** Math.floor(Math.log10(range / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => range / size <= 6);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, index) => (first + index) * step);
}
