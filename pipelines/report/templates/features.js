"use strict";

// List of features: drawn while it scrolls into view; can be sorted, filtered and searched.
const page = JSON.parse(document.getElementById("data").textContent);
const [list, counter] = ["list", "count"].map((id) => document.getElementById(id));
const tools = Object.fromEntries(
  ["search", "type", "warning", "sort", "reversed", "log", "compact"].map((id) => [id, document.getElementById(id)]),
);

const items = page.features.map((feature, position) => ({
  feature: { ...feature, position },
  node: heading(feature, position),
  text: searchText(feature),
}));
const itemOf = new Map(items.map((item) => [item.node, item]));

function searchText(feature) {
  const values = [...(feature.raw || []), ...(feature.transformed || [])].flatMap((stats) =>
    ((stats && stats.top) || []).map(([value]) => value),
  );
  return [feature.name, feature.doc, ...values].join("\n").toLowerCase();
}

function heading(feature, position) {
  const role = feature.role === "feature" ? "" : feature.role;
  const missing = feature.missing ? `${share(feature.missing, 1)} missing` : "";
  const kind = [feature.type, feature.unit, role, missing].filter(Boolean);
  const badges = feature.warnings.map(([name, detail]) => {
    const [title, meaning] = page.warnings[name];
    return element("span", { class: "badge", title: meaning }, `${title} `, detail ? element("b", {}, isolated(detail)) : null);
  });
  return element(
    "article",
    { class: "feature", "aria-labelledby": `feature-${position}` },
    element(
      "header",
      {},
      element("h3", { id: `feature-${position}`, title: feature.name.slice(0, 300) }, isolated(feature.name)),
      element("p", { class: "kind" }, kind.join(" · ")),
      badges.length ? element("div", { class: "badges" }, ...badges) : null,
    ),
    feature.doc ? element("p", { class: "doc" }, isolated(feature.doc)) : null,
    element("div", { class: "body" }),
  );
}

function draw({ feature, node }) {
  const body = node.lastElementChild;
  const [raw, transformed] = [feature.raw, feature.transformed].map((summaries) => summaries && chart(summaries));
  const sides =
    feature.raw && feature.transformed
      ? [side("Raw", raw, figures(feature.raw)), side("Transformed", transformed, figures(feature.transformed))]
      : [side("", raw || transformed), side("", figures(feature.raw || feature.transformed), measures(feature))];
  body.replaceChildren(...sides);
  if (feature.raw && feature.transformed && measures(feature)) sides[0].append(measures(feature));
  node.classList.add("drawn");
}

function side(title, ...parts) {
  return element("div", { class: "side" }, title ? element("h4", {}, title) : null, ...parts.map((part) => part || null));
}

function chart(summaries) {
  const stats = summaries.map((summary) => summary || {});
  return plot(stats, tools.log.checked) || topValues(stats) || element("p", { class: "pale" }, "No values.");
}

function measures(feature) {
  const parts = [];
  if (feature.association !== null) {
    const kind = feature.association_kind ? ` (${feature.association_kind.replaceAll("_", " ")})` : "";
    parts.push(`association with the label ${feature.association.toFixed(2)}${kind}`);
  }
  if (feature.skew !== null) parts.push(`skewness ${figure(Number(feature.skew.toFixed(2)))}`);
  if (feature.drift !== null) {
    const chance = feature.chance >= 0.0005 ? ` (sampling noise: up to ${feature.chance.toFixed(3)})` : "";
    parts.push(`splits differ by ${feature.drift.toFixed(3)}${chance}`);
  }
  const text = parts.join(", ");
  return text ? element("p", { class: "pale note" }, `${text[0].toUpperCase()}${text.slice(1)}.`) : null;
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        observer.unobserve(entry.target);
        draw(itemOf.get(entry.target));
      }
    }
  },
  { rootMargin: "600px 0px" },
);

function redraw() {
  for (const { node } of items) {
    node.classList.remove("drawn");
    observer.unobserve(node);
    observer.observe(node);
  }
}

// Features without a number come last in either direction.
function comparison(by, reversed) {
  const sign = (by === "position" || by === "name" ? 1 : -1) * (reversed ? -1 : 1);
  const key = ({ feature }) => (by === "skew" && feature.skew !== null ? Math.abs(feature.skew) : feature[by]);
  return (first, second) => {
    const [a, b] = [key(first), key(second)];
    const unknown = (a === null || a === undefined) - (b === null || b === undefined);
    if (unknown) return unknown;
    const order = by === "name" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
    return sign * order || first.feature.position - second.feature.position;
  };
}

function arrange() {
  const query = tools.search.value.trim().toLowerCase();
  const matches = items.filter(({ feature, text }) => {
    const hasWarning = !tools.warning.value || feature.warnings.some(([name]) => name === tools.warning.value);
    return hasWarning && (!tools.type.value || feature.type === tools.type.value) && text.includes(query);
  });
  matches.sort(comparison(tools.sort.value, tools.reversed.checked));
  list.replaceChildren(...matches.map(({ node }) => node));
  const all = matches.length === items.length;
  counter.textContent = all ? `All ${items.length} features.` : `${matches.length} of ${items.length} features.`;
}

for (const name of ["search", "type", "warning", "sort", "reversed"]) {
  tools[name].addEventListener("input", arrange);
}
tools.log.addEventListener("input", redraw);
tools.compact.addEventListener("input", () => list.classList.toggle("compact", tools.compact.checked));
for (const button of document.querySelectorAll("[data-warning]")) {
  button.addEventListener("click", () => {
    tools.warning.value = button.dataset.warning;
    arrange();
    document.getElementById("features").scrollIntoView();
    tools.warning.focus({ preventScroll: true });
  });
}
addEventListener("beforeprint", () => {
  for (const item of items) if (!item.node.classList.contains("drawn")) draw(item);
});
arrange();
redraw();
