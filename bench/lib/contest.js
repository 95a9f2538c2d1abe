/** Lets several do the same work in turn, so that what disturbs the machine disturbs all of them. */
'use strict';
const { summary } = require('./statistics');

/**
 * Runs `rounds` rounds of each contestant, one after the other, and again from the beginning.
 * A contestant has a name and `round(packets)`, which answers { packets, wall, cpu } in nanoseconds.
 */
async function contest(contestants, { rounds, packets }) {
  const times = contestants.map(() => ({ cpu: [], wall: [] }));
  for (const contestant of contestants) await contestant.round(Math.ceil(packets / 10));
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < contestants.length; index++) {
      const result = await contestants[index].round(packets);
      times[index].cpu.push(result.cpu / result.packets);
      times[index].wall.push(result.wall / result.packets);
    }
  }
  return contestants.map((contestant, index) => ({
    name: contestant.name,
    /** Nanoseconds a packet, of the thread's own time: what others take of the CPU is not in it. */
    cpu: summary(times[index].cpu),
    wall: summary(times[index].wall),
  }));
}

/** Opens contestants, lets them compete, and closes them whatever happens. */
async function openContest(makers, options) {
  const open = [];
  try {
    for (const make of makers) open.push(await make());
    return await contest(open, options);
  } finally {
    for (const contestant of open) await contestant.close();
  }
}

module.exports = { contest, openContest };
