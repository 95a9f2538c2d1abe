/** Medians and spreads of measured rounds. */
'use strict';

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The least value that so great a part of them does not exceed. */
function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/** Median, and half of what lies between the quarters, as part of the median. */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = median(values);
  return { median: middle, spread: middle === 0 ? 0 : (percentile(sorted, 0.75) - percentile(sorted, 0.25)) / 2 / middle, least: sorted[0], most: sorted[sorted.length - 1], count: values.length };
}

module.exports = { median, percentile, summary };
