import { BricksError } from '../model/errors';

/** What may wait for a loop that is slow. */
const WAITING_MOST = 10_000;

/** Values on their way from a listener to a loop. */
export class Values<Value> {
  private readonly waiting: Value[] = [];
  private wake: (() => void) | undefined;
  private ended = false;
  private error: BricksError | undefined;

  /** `latest`: a value takes the place of one that waits. */
  constructor(private readonly topic: string, private readonly latest: boolean) {}

  push(value: Value): void {
    if (this.ended) return;
    if (this.latest) this.waiting.length = 0;
    this.waiting.push(value);
    if (this.waiting.length > WAITING_MOST) this.end(new BricksError('E_CONTROL_LIMIT', `The loop over the topic ${this.topic} does not keep up: ${WAITING_MOST} values wait for it.`));
    this.wake?.();
  }

  /** What has come is still given; then it is over. */
  end(error: BricksError | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.error = error;
    this.wake?.();
  }

  /** The next value; nothing at the end. @throws BricksError of the end */
  async next(): Promise<{ readonly value: Value } | undefined> {
    while (this.waiting.length === 0 && !this.ended) await new Promise<void>((resolve) => { this.wake = resolve; });
    if (this.waiting.length > 0) return { value: this.waiting.shift() as Value };
    if (this.error) throw this.error;
    return undefined;
  }
}
