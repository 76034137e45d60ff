"use strict";

// Tables of numbers, one line for each split, and of top values with bars.
function row(tag, cells, scope) {
  return element(
    "tr",
    {},
    ...cells.map((cell, index) => {
      const { text = cell, aside = "", title = "" } = cell instanceof Object && !(cell instanceof Node) ? cell : {};
      const head = index === 0 || tag === "th";
      const node = element(head ? "th" : "td", head ? { scope: index && scope ? "col" : scope || "row" } : {}, text);
      if (aside) node.append(element("span", { class: "aside" }, ` ${aside}`));
      if (title) node.title = title;
      return node;
    }),
  );
}

function table(name, heads, lines) {
  return element(
    "table",
    { class: name },
    element("thead", {}, row("th", heads, "col")),
    element("tbody", {}, ...lines.map((line) => row("td", line, ""))),
  );
}

function splitName(index) {
  const swatch = element("span", { class: `swatch split-${index % 5}`, "aria-hidden": "true" });
  return element("span", {}, swatch, isolated(page.splits[index]));
}

function exact(value) {
  return { text: figure(value), title: value === undefined ? "" : String(value) };
}

function unique(stats) {
  if (stats.unique === undefined) return "–";
  if (!stats.unique_error) return exact(stats.unique);
  const error = `±${(100 * stats.unique_error).toFixed(1)}%`;
  return { text: `≈${figure(stats.unique)}`, aside: error, title: `estimate with a standard error of ${error}` };
}

const COLUMNS = {
  missing: (stats) => {
    const rows = stats.count + stats.missing;
    return { text: share(stats.missing, rows), title: `${grouped.format(stats.missing)} of ${grouped.format(rows)}` };
  },
  unique,
  zeros: (stats) => ({ text: share(stats.zeros, stats.values), title: grouped.format(stats.zeros) }),
  mean: (stats) => exact(stats.mean),
  "std dev": (stats) => exact(stats.std),
  min: (stats) => exact(stats.min),
  "25%": (stats) => exact(quantile(stats, 0.25)),
  median: (stats) => exact(stats.median),
  "75%": (stats) => exact(quantile(stats, 0.75)),
  max: (stats) => exact(stats.max),
  length: (stats) => ({
    text: `${figure(stats.lengths[0])}–${figure(stats.lengths[2])}`,
    title: `bytes; on average ${figure(stats.lengths[1])}`,
  }),
  "not in train": (stats) => exact(stats.unseen),
  "not finite": (stats) => exact(stats.not_finite),
  "per row": (stats) => ({
    text: `${figure(stats.each[0])}–${figure(stats.each[2])}`,
    title: `values; on average ${figure(stats.each[1])}`,
  }),
};

const NEEDS = {
  zeros: "mean", mean: "mean", "std dev": "mean", min: "mean", "25%": "quantiles", median: "mean",
  "75%": "quantiles", max: "mean", length: "lengths", "not in train": "unseen",
  "not finite": "not_finite", "per row": "each",
};

function quantile(stats, part) {
  return stats.quantiles[Math.round(part * (stats.quantiles.length - 1))];
}

function figures(summaries) {
  const has = (stats, name) => !NEEDS[name] || stats[NEEDS[name]] !== undefined;
  const group = (names) => {
    const shown = names.filter((name) => summaries.some((stats) => stats && has(stats, name)));
    const lines = summaries.flatMap((stats, index) =>
      stats ? [[splitName(index), ...shown.map((name) => (has(stats, name) ? COLUMNS[name](stats) : "–"))]] : [],
    );
    return shown.length ? table("stats", [element("span", { class: "unseen" }, "Split"), ...shown], lines) : null;
  };
  return element(
    "div",
    { class: "tables" },
    group(["missing", "unique", "zeros", "mean", "std dev", "length", "not in train"]),
    group(["min", "25%", "median", "75%", "max"]),
    group(["not finite", "per row"]),
    caveats(summaries),
  );
}

function caveats(summaries) {
  const stats = summaries.filter(Boolean);
  const rank = Math.max(0, ...stats.map((split) => split.rank_error || 0));
  const top = Math.max(0, ...stats.map((split) => split.top_error || 0));
  const parts = [];
  if (rank) parts.push(`The ranks of quantiles are exact to ±${(100 * rank).toFixed(2)}%.`);
  if (top) parts.push(`A value may occur up to ${figure(top)} times more often than shown.`);
  return parts.length ? element("p", { class: "pale note" }, parts.join(" ")) : null;
}

const MAX_VALUES = 8;

function topValues(summaries) {
  const splits = summaries.map((stats, index) => ({ ...stats, index })).filter((split) => split.top);
  if (!splits.length) return null;
  const counts = splits.map((split) => new Map(split.top));
  const values = [...new Set(splits.flatMap((split) => split.top.map(([value]) => value)))];
  const part = (index, value) => (counts[index].get(value) || 0) / splits[index].values;
  values.sort((a, b) => part(0, b) - part(0, a) || (splits.length > 1 ? part(1, b) - part(1, a) : 0));
  const shown = values.slice(0, MAX_VALUES);
  const largest = Math.max(...shown.flatMap((value) => splits.map((_, index) => part(index, value))));
  const lines = shown.map((value) => valueRow(value, splits, counts, largest));
  const heads = ["value", element("span", { class: "unseen" }, "shares"), ...splits.map((split) => splitName(split.index))];
  const node = table("top-values", heads, lines);
  const rest = (splits[0].unique || values.length) - shown.length;
  if (rest > 0) node.tBodies[0].append(restRow(rest, splits, shown, counts));
  for (const line of node.rows) [...line.cells].slice(2).forEach((cell) => cell.classList.add("share"));
  return node;
}

function valueRow(value, splits, counts, largest) {
  const occurrences = splits.map((split, index) => counts[index].get(value));
  const bar = shape("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true" });
  splits.forEach((split, index) => {
    const length = ((occurrences[index] || 0) / split.values / largest) * WIDTH;
    const color = `split-${split.index % 5}`;
    if (!index) bar.append(shape("rect", { class: `fill ${color}`, width: length, height: 10 }));
    else if (occurrences[index]) bar.append(shape("line", { class: `mark ${color}`, x1: length, x2: length, y1: -1, y2: 11 }));
  });
  const text = value === "" ? element("span", { class: "empty" }, "(empty)") : isolated(value);
  const shares = splits.map((split, index) =>
    occurrences[index] === undefined
      ? { text: "–", title: "not among the most frequent" }
      : { text: share(occurrences[index], split.values), title: grouped.format(occurrences[index]) },
  );
  return [{ text, title: value }, bar, ...shares];
}

function restRow(rest, splits, shown, counts) {
  const about = splits[0].unique_error ? "about " : "";
  const cells = splits.map((split, index) => {
    const total = shown.reduce((sum, value) => sum + (counts[index].get(value) || 0), 0);
    return share(Math.max(split.values - total, 0), split.values);
  });
  const line = row("td", [`${about}${figure(rest)} more`, "", ...cells], "");
  line.className = "rest";
  return line;
}
