"use strict";

// `element` and `shape` make all elements. Data are inserted as text, never as markup.
function element(name, attributes, ...children) {
  return withContent(document.createElement(name), attributes, children);
}

function shape(name, attributes, ...children) {
  return withContent(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function withContent(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Isolate text that may run from right to left from the text around it.
function isolated(text) {
  return element("bdi", {}, text);
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const few = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

function figure(value) {
  if (value === undefined || value === null) return "–";
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-3)) return value.toExponential(2).replace("e+", "e");
  return (size >= 1000 ? grouped : few).format(value).replace("-", "−");
}

// As Python's `_share`: only 0 is shown as 0%, and only 1 as 100%.
function share(part, total) {
  if (!total || part === 0) return "0%";
  if (part === total) return "100%";
  const percent = (100 * part) / total;
  if (percent < 0.1) return "<0.1%";
  return percent > 99.9 ? ">99.9%" : `${percent.toFixed(1)}%`;
}
