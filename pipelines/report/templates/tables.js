"use strict";

// Numbers a split a line, and the top values with a bar each.
function row(tag, cells, scope) {
  return element(
    "tr",
    {},
    ...cells.map((cell, place) => {
      const { text = cell, aside = "", title = "" } = cell instanceof Object && !(cell instanceof Node) ? cell : {};
      const head = place === 0 || tag === "th";
      const node = element(head ? "th" : "td", head ? { scope: place && scope ? "col" : scope || "row" } : {}, text);
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

function splitName(place) {
  const swatch = element("span", { class: `swatch split-${place % 5}`, "aria-hidden": "true" });
  return element("span", {}, swatch, apart(page.splits[place]));
}

function exact(value) {
  return { text: figure(value), title: value === undefined ? "" : String(value) };
}

function unique(stats) {
  if (stats.unique === undefined) return "–";
  if (!stats.unique_error) return exact(stats.unique);
  const error = `±${(100 * stats.unique_error).toFixed(1)}%`;
  return { text: `≈${figure(stats.unique)}`, aside: error, title: `A sketch; its standard error is ${error}` };
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

function figures(found) {
  const has = (stats, name) => !NEEDS[name] || stats[NEEDS[name]] !== undefined;
  const group = (names) => {
    const known = names.filter((name) => found.some((stats) => stats && has(stats, name)));
    const lines = found.flatMap((stats, place) =>
      stats ? [[splitName(place), ...known.map((name) => (has(stats, name) ? COLUMNS[name](stats) : "–"))]] : [],
    );
    return known.length ? table("stats", [element("span", { class: "unseen" }, "Split"), ...known], lines) : null;
  };
  return element(
    "div",
    { class: "tables" },
    group(["missing", "unique", "zeros", "mean", "std dev", "length", "not in train"]),
    group(["min", "25%", "median", "75%", "max"]),
    group(["not finite", "per row"]),
    caveats(found),
  );
}

function caveats(found) {
  const known = found.filter(Boolean);
  const rank = Math.max(0, ...known.map((stats) => stats.rank_error || 0));
  const top = Math.max(0, ...known.map((stats) => stats.top_error || 0));
  const told = [];
  if (rank) told.push(`Quantiles are of ranks within ±${(100 * rank).toFixed(2)}%.`);
  if (top) told.push(`A value may occur ${figure(top)} times more often than said.`);
  return told.length ? element("p", { class: "pale note" }, told.join(" ")) : null;
}

const SHOWN = 8;

function topValues(found) {
  const drawn = found.map((stats, place) => ({ ...stats, place })).filter((one) => one.top);
  if (!drawn.length) return null;
  const counts = drawn.map((one) => new Map(one.top));
  const values = [...new Set(drawn.flatMap((one) => one.top.map(([value]) => value)))];
  const part = (place, value) => (counts[place].get(value) || 0) / drawn[place].values;
  values.sort((a, b) => part(0, b) - part(0, a) || (drawn.length > 1 ? part(1, b) - part(1, a) : 0));
  const shown = values.slice(0, SHOWN);
  const largest = Math.max(...shown.flatMap((value) => drawn.map((_, place) => part(place, value))));
  const lines = shown.map((value) => valueRow(value, drawn, counts, largest));
  const heads = ["value", element("span", { class: "unseen" }, "shares"), ...drawn.map((one) => splitName(one.place))];
  const node = table("top-values", heads, lines);
  const rest = (drawn[0].unique || values.length) - shown.length;
  if (rest > 0) node.tBodies[0].append(restRow(rest, drawn, shown, counts));
  for (const line of node.rows) [...line.cells].slice(2).forEach((cell) => cell.classList.add("share"));
  return node;
}

function valueRow(value, drawn, counts, largest) {
  const known = drawn.map((one, place) => counts[place].get(value));
  const bar = shape("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true" });
  drawn.forEach((one, place) => {
    const length = ((known[place] || 0) / one.values / largest) * WIDTH;
    const split = `split-${one.place % 5}`;
    if (!place) bar.append(shape("rect", { class: `fill ${split}`, width: length, height: 10 }));
    else if (known[place]) bar.append(shape("line", { class: `mark ${split}`, x1: length, x2: length, y1: -1, y2: 11 }));
  });
  const text = value === "" ? element("span", { class: "empty" }, "(empty)") : apart(value);
  const shares = drawn.map((one, place) =>
    known[place] === undefined
      ? { text: "–", title: "not among the most frequent" }
      : { text: share(known[place], one.values), title: grouped.format(known[place]) },
  );
  return [{ text, title: value }, bar, ...shares];
}

function restRow(rest, drawn, shown, counts) {
  const about = drawn[0].unique_error ? "about " : "";
  const cells = drawn.map((one, place) => {
    const told = shown.reduce((sum, value) => sum + (counts[place].get(value) || 0), 0);
    return share(Math.max(one.values - told, 0), one.values);
  });
  const line = row("td", [`${about}${figure(rest)} more`, "", ...cells], "");
  line.className = "rest";
  return line;
}
