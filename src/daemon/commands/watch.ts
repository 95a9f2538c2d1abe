/** Taps: packets on their way through an engine go to clients, as fast as these take them. */
import { DROP_REASONS } from '../../model/drop-reasons';
import { BricksError } from '../../model/errors';
import { inTime } from '../../model/in-time';
import type { TapSettings } from '../../control/engine-watches';
import type { PacketEngine } from '../../control/packet-engine';
import { LIKELY } from '../../watch/sink-list';
import { NO_REASON, type TappedPacket } from '../../watch/tap-ring';
import type { TraceStep, WatchEnd } from '../../watch/watch-plan';
import { findLinks, linkNames, namesText } from '../../watch/watched-graph';
import type { TapNews, TappedPacketText, TraceNews } from '../../protocol/commands/watch';
import { publishTopic, type TopicHandler } from '../handlers';

/** Whose engines are looked at. */
interface WatchedHost {
  readonly registry: { readonly all: readonly PacketEngine[] };
}

/** How often packets are fetched: the ring holds what comes meanwhile. */
const LOOK_MILLISECONDS = 20;
/** Packets and bytes of one message, about. */
const PACKETS_A_MESSAGE = 256;
const BYTES_A_MESSAGE = 256 << 10;
/** So long a control half may take to say more of a traced packet. */
const ANSWER_MILLISECONDS = 1000;
/** A client that has more to read gets nothing new yet. */
const UNREAD_MOST = 128 << 10;

/** What a publisher tells its reader, and whether the reader has room. */
interface TapReader {
  publish(news: TapNews): void;
  readonly unread: number;
}

/** What a tap is asked for, as the topic declares it. */
interface TapWishes extends Required<Omit<TapSettings, 'place' | 'filter'>> {
  readonly link?: string | undefined;
  readonly engine?: string | undefined;
  readonly filter?: string | undefined;
}

export const WATCH_TOPIC_HANDLERS: readonly TopicHandler[] = [
  publishTopic('tap', (host, wishes, session, publish) => startTap(host, wishes, {
    publish,
    get unread() {
      return session.unread;
    },
  })),
  publishTopic('trace', (host, wishes, _, publish) => startTrace(host, wishes, publish)),
];

interface TraceWishes {
  readonly count: number;
  readonly filter?: string;
  readonly source?: string;
  readonly engine?: string;
}

/** Returns what ends it. @throws BricksError E_ARGUMENT, E_NO_ENGINE, E_NO_LINK, E_FILTER */
function startTrace(host: WatchedHost, { count, filter, source, engine: name }: TraceWishes, publish: (news: TraceNews) => void): () => void {
  const engine = engineOf(host, name, source);
  // In order, though some have to be asked for.
  let told = Promise.resolve();
  const tell = (make: () => TraceNews | Promise<TraceNews>): void => {
    told = told.then(make).then(publish).catch(() => undefined);
  };
  return engine.watches.trace({ count, filter, place: source }, {
    begun: () => publish({ begun: engine.name }),
    trail: (trail) => tell(async () => ({ trail: { ...trail, head: Buffer.from(trail.head).toString('base64'), steps: await explained(engine, trail.steps) } })),
    ended: (end) => tell(() => ({ ended: end.why, ...(end.why === 'count' ? {} : { text: end.text }) })),
  });
}

/** With what the control halves of bricks know better. One that does not answer, or is gone, changes nothing. */
function explained(engine: PacketEngine, steps: readonly TraceStep[]): Promise<TraceStep[]> {
  return Promise.all(steps.map(async ({ ask, ...step }) => {
    const brick = ask === undefined ? undefined : engine.describeGraph().bricks.find(({ label }) => label === step.brick);
    if (!brick) return step;
    const text = await inTime(ANSWER_MILLISECONDS, engine.call(brick, 'explain', ask).catch(() => undefined));
    return typeof text === 'string' ? { ...step, explanation: text } : step;
  }));
}

/** Returns what ends it. @throws BricksError E_ARGUMENT, E_NO_ENGINE, E_NO_LINK, E_FILTER */
export function startTap(host: WatchedHost, { link, engine: name, ...settings }: TapWishes, reader: TapReader): () => void {
  if (link === undefined && !settings.drops) throw new BricksError('E_ARGUMENT', 'A tap needs a link.', 'Name one, as bricks graph shows them; or take dropped packets: --drops.');
  const engine = engineOf(host, name, link);
  let end: WatchEnd | undefined;
  let lost = 0;
  const tap = engine.watches.tap({ ...settings, place: link }, (why) => {
    end = why;
    look();
  });
  /** Fetches what there is, while the reader has room for it. */
  function look(): void {
    while (reader.unread <= UNREAD_MOST) {
      const packets = tap.read(PACKETS_A_MESSAGE, BYTES_A_MESSAGE);
      const { lost: now } = tap;
      if (packets.length > 0 || now !== lost) reader.publish({ packets: packets.map(asText), lost: now });
      lost = now;
      if (packets.length > 0) continue;
      if (end) {
        stop();
        reader.publish({ ended: end.why, lost, ...(end.why === 'count' ? {} : { text: end.text }) });
      }
      return;
    }
  }
  const timer = setInterval(look, LOOK_MILLISECONDS).unref();
  function stop(): void {
    clearInterval(timer);
    tap.close();
  }
  void tap.begun.then(() => {
    if (!end) reader.publish({ begun: engine.name });
  });
  return stop;
}

/** The engine of this name, or the only one that has the link. @throws BricksError E_NO_ENGINE, E_ARGUMENT, E_NO_LINK */
function engineOf({ registry: { all } }: WatchedHost, name: string | undefined, link: string | undefined): PacketEngine {
  if (name !== undefined) {
    const engine = all.find((one) => one.name === name);
    if (engine && !engine.linked) throw noLinks([engine]);
    if (engine) return engine;
    throw new BricksError('E_NO_ENGINE', `There is no engine ${name}.`, all.length > 0 ? `There are: ${all.map((one) => one.name).join(', ')}.` : 'Start one first.');
  }
  const linked = all.filter(({ linked: open }) => open);
  if (linked.length === 0) throw noLinks(all);
  const having = (otherEnd: boolean): PacketEngine[] => linked.filter(({ openGraph }) => link === undefined || (openGraph && findLinks(openGraph.graph, link, otherEnd)));
  // Of two engines at a pipe, one writes to one end and the other reads from the other.
  const exactly = having(false);
  const fitting = exactly.length > 0 ? exactly : having(true);
  if (fitting.length === 1 || linked.length === 1) return fitting[0] ?? linked[0];
  if (fitting.length === 0) throw new BricksError('E_NO_LINK', `No engine has a link or brick ${link}.`, namesText(linked.flatMap(({ openGraph }) => (openGraph ? linkNames(openGraph.graph) : []))));
  throw new BricksError('E_ARGUMENT', link === undefined ? 'There are several engines.' : `Several engines have ${link}.`, `Say which one: --engine ${fitting[0].name}, for example.`);
}

function noLinks(all: readonly PacketEngine[]): BricksError {
  if (all.length === 0) return new BricksError('E_NO_ENGINE', 'There is no engine.', 'Start one first: packets are seen while they pass it.');
  const names = all.map(({ name }) => name).join(', ');
  return new BricksError('E_NO_ENGINE', all.length === 1 ? `The engine ${names} has no bricks yet.` : `None of the engines has bricks yet: ${names}.`, 'Link some first (engine.link, or pe:link in Lua): packets are seen while they pass them.');
}

/** All its properties in one literal: made of parts, an object takes ten times as long. What is undefined is not sent. */
function asText({ place: { role, link, brick, output, to }, reason, seconds, nanoseconds, length, wireLength, linkType, data }: TappedPacket): TappedPacketText {
  return {
    role, link, brick, output, to,
    reason: reason === NO_REASON ? undefined : DROP_REASONS[reason & ~LIKELY].name,
    likely: reason === NO_REASON || (reason & LIKELY) === 0 ? undefined : true,
    seconds, nanoseconds, length, wireLength, linkType,
    data: Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64'),
  };
}
