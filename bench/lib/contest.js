/** Lets several do the same work in turn, so that what disturbs the machine disturbs all of them. */
'use strict';
const { summary } = require('./statistics');

/** Rounds after which contestants that last begin anew. */
const ROUNDS_TOGETHER = 1;
/** What part of a round comes before the first that counts: the C programs do it so too. */
const WARM_PART = 4;

/**
 * Runs `rounds` rounds of each contestant, one after the other, and again from the beginning.
 * A contestant has a name and `round(packets)`, which returns { packets, wall, cpu } in nanoseconds. One that lasts has `renew` too:
 * which pages of memory it was given makes a tenth of its time and more, so it is to be given others now and then, as
 * programs are that begin anew with each round.
 */
async function contest(contestants, { rounds, packets }) {
  const times = contestants.map(() => ({ cpu: [], wall: [] }));
  for (const contestant of contestants) await contestant.round(Math.ceil(packets / WARM_PART));
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && round % ROUNDS_TOGETHER === 0) {
      for (const contestant of contestants) {
        await contestant.renew?.();
        await contestant.round(Math.ceil(packets / WARM_PART));
      }
    }
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

/** A ratio of two contestants by their medians: how much of the speed of `of` is reached. */
function ratio(results, name, of) {
  const time = (wanted) => results.find((result) => result.name === wanted).cpu.median;
  return time(of) / time(name);
}

module.exports = { contest, openContest, ratio };
