/** Which of many the next one is: the first is the most popular. */
import type { Random } from './random';

/** Picks numbers from 0 on, evenly or by Zipf's law, in constant time however many there are (the alias method): each column is its own number's up to a share, and another one's above. */
export class Popularity {
  private readonly shares: Float64Array | undefined;
  private readonly others: Uint32Array | undefined;

  /** So many (at most 2^22); with an exponent, the n-th gets 1 / n^exponent. */
  constructor(private readonly count: number, exponent: number | undefined) {
    if (exponent === undefined) return;
    const shares = Float64Array.from({ length: count }, (_, index) => (index + 1) ** -exponent);
    const total = shares.reduce((sum, weight) => sum + weight, 0);
    for (let index = 0; index < count; index++) shares[index] *= count / total;
    this.shares = shares;
    this.others = othersOf(shares);
  }

  /** A number below the count. */
  next(random: Random): number {
    const column = random.below(this.count);
    const { shares, others } = this;
    if (shares === undefined || others === undefined) return column;
    return random.chance(shares[column]) ? column : others[column];
  }
}

/** Fills up the columns that have less than 1 from those that have more. */
function othersOf(shares: Float64Array): Uint32Array {
  const others = Uint32Array.from(shares, (_, index) => index);
  const [small, large]: number[][] = [[], []];
  shares.forEach((share, index) => (share < 1 ? small : large).push(index));
  for (let taker = small.pop(), giver = large.pop(); taker !== undefined && giver !== undefined; taker = small.pop()) {
    others[taker] = giver;
    shares[giver] -= 1 - shares[taker];
    if (shares[giver] >= 1) continue;
    small.push(giver);
    giver = large.pop();
  }
  return others;
}
