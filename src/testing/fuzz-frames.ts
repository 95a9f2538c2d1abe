/** Frames of all kinds and none, by a seed. */
const LONGEST = 9000;
/** Ethernet mostly; raw IP, cooked, PPP, loopback, Wi-Fi, and one that nobody knows. */
export const FUZZ_LINK_TYPES = [1, 1, 1, 0, 9, 12, 14, 50, 101, 108, 113, 127, 228, 229, 276, 65_535];

/** Numbers by a seed: the same seed gives the same frames. */
export function randomBy(seed: number): (below: number) => number {
  let word = seed | 1;
  return (below) => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return (word >>> 0) % below;
  };
}

/** A frame of random bytes, or a real one: as it is, cut short, made longer, with some bytes changed. */
export function fuzzFrame(seeds: readonly Uint8Array[], random: (below: number) => number): Buffer {
  const kind = random(8);
  if (kind === 0) return Buffer.from(Uint8Array.from({ length: random(random(20) === 0 ? LONGEST + 1 : 130) }, () => random(256)));
  const seed = seeds[random(seeds.length)];
  const length = kind === 1 ? random(seed.length + 1) : kind === 2 ? Math.min(LONGEST, seed.length + random(random(20) === 0 ? LONGEST : 20)) : Math.min(LONGEST, seed.length);
  const frame = Buffer.alloc(length);
  frame.set(seed.subarray(0, length));
  if (kind > 3) for (let changes = random(4); changes >= 0 && length > 0; changes--) frame[random(Math.min(length, 120))] = random(256);
  return frame;
}
