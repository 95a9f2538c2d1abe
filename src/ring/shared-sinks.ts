/** Sinks that a transmitter leaves to the one that takes its place, for the ports of an engine's thread. */

export class SharedSinks<Sink, Port> {
  private readonly users = new Map<Sink, Port[]>();

  /** Who has it last, if anyone. */
  userOf(sink: Sink): Port | undefined {
    return this.users.get(sink)?.at(-1);
  }

  enter(sink: Sink, port: Port): void {
    this.users.set(sink, [...this.users.get(sink) ?? [], port]);
  }

  /** True if nobody has it any more: then it is to be closed. */
  leave(sink: Sink, port: Port): boolean {
    const left = (this.users.get(sink) ?? []).filter((user) => user !== port);
    if (left.length > 0) this.users.set(sink, left);
    else this.users.delete(sink);
    return left.length === 0;
  }
}
