/** Histograms of time: lists of { below, batches } in the order of `below`, nanoseconds. */
'use strict';

/** What a ring of 1,024 slots holds at 10 M packets/s. */
const LIMIT = 102_400;

/** The sum of lists. */
function addSlots(...lists) {
  const sum = new Map();
  for (const { below, batches } of lists.flat()) sum.set(below, (sum.get(below) ?? 0) + batches);
  return [...sum].sort(([one], [other]) => one - other).map(([below, batches]) => ({ below, batches }));
}

/** Adds up what `takeBatchTimes` answers; the first may be missing. */
function addTimes(first, second) {
  if (first === undefined) return second;
  return Object.fromEntries(Object.entries(second).map(([name, { slots, longest }]) => [name, {
    slots: addSlots(first[name].slots, slots),
    longest: Math.max(first[name].longest, longest),
  }]));
}

function total(slots) {
  return slots.reduce((sum, slot) => sum + slot.batches, 0);
}

/** How many may have taken longer: those of all slots that end above. */
function longerThan(slots, nanoseconds) {
  return slots.reduce((sum, { below, batches }) => (below > nanoseconds ? sum + batches : sum), 0);
}

/** The value below which this part of a histogram lies: the upper end of its slot. */
function percentile(slots, part) {
  const wanted = part * total(slots);
  let seen = 0;
  for (const { below, batches } of slots) {
    seen += batches;
    if (seen >= wanted) return below;
  }
  return 0;
}

/** The same where as many more may be longer as `stalls` has that are: an empty loop of as many steps. */
function percentileWithout(slots, stalls, part) {
  const allowed = (1 - part) * total(slots);
  const above = slots.findLastIndex(({ below }) => longerThan(slots, below) - longerThan(stalls, below) > allowed);
  return slots[Math.min(above + 1, slots.length - 1)]?.below ?? 0;
}

module.exports = { LIMIT, addSlots, addTimes, longerThan, percentile, percentileWithout, total };
