/** Medians and spreads of measured rounds. */
'use strict';

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, and half of what lies between the quarters, as part of the median. */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  const middle = median(values);
  return { median: middle, spread: middle === 0 ? 0 : (at(0.75) - at(0.25)) / 2 / middle, least: sorted[0], most: sorted[sorted.length - 1], count: values.length };
}

module.exports = { median, summary };
