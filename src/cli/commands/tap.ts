import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { Command, Option, UsageError } from 'clipanion';
import { isAtLeast, isInteger, isNumber, cascade } from 'typanion';
import { connect } from '../../client/connect';
import type { Daemon } from '../../client/daemon';
import { dropsOf, dropText } from '../../control/drops';
import { systemName } from '../../files/system-name';
import { countText } from '../../model/count-text';
import { BricksError } from '../../model/errors';
import { linkNamesFor } from '../../model/link-name';
import { shellWord } from '../../model/shell-word';
import { systemReason } from '../../model/system-error';
import { say } from '../../program/messages';
import { written } from '../../program/written';
import type { TappedPacketText, TapNews } from '../../protocol/commands/watch';
import { TapCapture } from '../../watch/tap-capture';
import { placeText, tapLine } from '../../watch/tap-text';
import { ClientCommand, connectOptions } from '../client-command';
import { QUIET_MILLISECONDS, WatchEnd } from '../watch-end';

/** Of a packet that is printed, its headers are enough. */
const TEXT_SNAP = 192;
/** What may wait for the reader of the output; packets beyond that are left out and counted. */
const WAITING_BYTES_MOST = 8 << 20;

/** In place of a link: the whole engine. */
const ALL = '*';

const number = (minimum: number) => cascade(isNumber(), isInteger(), isAtLeast(minimum));

/** Shows the packets that pass a link of a running engine. */
export class TapCommand extends ClientCommand {
  static override paths = [['tap']];
  static override usage = Command.Usage({
    description: 'Show packets that pass a link of a running engine, inner links too, or packets that it drops.',
    details: `
      LINK is a name as bricks graph shows it; of a pipe either end will do ('lb{0' or 'lb}0'). The name of a brick stands for all of its outputs.
      FILTER is an expression as tcpdump takes it.

      Nothing in the engine changes: while a tap is there, the engine copies the packets that it asks for into memory that both share, and waits for nobody. What
      finds no room there, or is not read in time, is missing from the tap, and counted; at the end it says how many. The tap is gone when this program is.

      --drops shows packets that were dropped instead, with the reason: of the whole engine, or of one link or brick; in front of a FILTER, write '*' for the whole engine. Packets that were lost before the engine
      received them cannot be shown. Where a link only counts what it drops, and took some of a batch, the last ones of
      that batch are shown, and each record says that it may have been another one.

      With -w, packets are written as pcapng, each with a comment: engine, link, brick and output, and the reason of a drop.
    `,
    examples: [
      ['Packets between two bricks', "bricks tap 'lb}0'"],
      ['In tcpdump, or Wireshark', "bricks tap eth3 'tcp port 80' -w - | tcpdump -nr -"],
      ['What is dropped, and why', 'bricks tap --drops'],
      ['The same of one network only', "bricks tap --drops '*' 'net 192.0.2.0/24'"],
      ['One packet in a thousand, at most 20 a second', "bricks tap eth3 --sample 1000 --rate 20"],
      ['Save 1000 packets', 'bricks tap LoadBalancer -c 1000 -w split.pcapng'],
    ],
  });

  words = Option.Rest({ name: 'link' });
  drops = Option.Boolean('--drops', false, { description: 'show dropped packets instead of those that pass; without LINK, of the whole engine' });
  write = Option.String('-w,--write', { description: 'write pcapng to this file, - for standard output, instead of text' });
  packets = Option.String('-c,--packets', { description: 'exit after so many packets', validator: number(1) });
  sample = Option.String('--sample', { description: 'take one packet in so many', validator: number(1) });
  rate = Option.String('--rate', { description: 'take at most so many packets a second', validator: number(1) });
  snap = Option.String('-s,--snap', { description: `take at most so many bytes of each packet: all unless set, ${TEXT_SNAP} for text`, validator: number(1) });
  engine = Option.String('--engine', { description: 'the engine, where several have the link' });
  json = Option.Boolean('--json', false, { description: 'print one JSON object a line, with the bytes in base64' });

  private lost = 0;
  private taken = 0;

  override async execute(): Promise<number> {
    if (this.write !== undefined && this.json) throw new UsageError('Use only one of --json and --write.');
    const [link, ...filter] = this.words;
    if ((link === undefined || link === ALL) && !this.drops) throw new UsageError("bricks tap needs a link, such as eth3 or 'eth3{0' (bricks graph shows them), or --drops.");
    if (this.write === '-' && isatty(1)) throw new BricksError('E_ATTACH_TERMINAL', 'Refusing to write binary pcapng to a terminal.', 'Pipe it to a program (bricks tap LINK -w - | tcpdump -r -), or leave -w out.');
    const daemon = await connect(connectOptions(this));
    const watch = new WatchEnd(daemon, this.engine);
    const out = await this.output(watch);
    const quiet = setTimeout(() => void this.tellDrops(daemon, link), QUIET_MILLISECONDS);
    try {
      await daemon.listen('tap', {
        link: link === ALL ? undefined : link, engine: this.engine, filter: filter.length > 0 ? filter.join(' ') : undefined,
        drops: this.drops, count: this.packets, sample: this.sample, rate: this.rate, snap: this.snap ?? (this.write === undefined && !this.json ? TEXT_SNAP : undefined),
      }, (news) => this.take(news, out, watch));
      return await watch.exitCode(async () => {
        await written(out);
        await this.tellDrops(daemon, link);
        say(`${countText(this.taken, 'packet')}${this.lost > 0 ? `; ${this.lost} more were not taken in time: use a filter, --sample or --rate` : ''}`);
      });
    } finally {
      clearTimeout(quiet);
      await daemon.close();
      if (out !== this.context.stdout) out.end();
    }
  }

  /** Nothing has come: perhaps since the link drops all of it. Said once. */
  private async tellDrops(daemon: Daemon, link: string | undefined): Promise<void> {
    if (this.drops || this.toldDrops || this.taken > 0 || this.lost > 0) return;
    const ends = link === undefined ? [] : linkNamesFor(link);
    const engines = this.engineName === '' ? [] : await daemon.call('engine.stats', { name: this.engineName }).catch(() => []);
    for (const drop of engines.flatMap(dropsOf)) {
      if (drop.kind !== 'link' || !ends.includes(drop.place)) continue;
      this.toldDrops = true;
      say(`${dropText(drop)} bricks tap --drops ${shellWord(drop.place)} shows such packets.`);
    }
  }

  private toldDrops = false;
  private engineName = '';
  private readonly capture = new TapCapture();
  private missed = 0;

  private take(news: TapNews, out: Writable, watch: WatchEnd): void {
    if (news.begun !== undefined) {
      this.engineName = news.begun;
      watch.begun = true;
      say(`tap of engine ${news.begun}; Ctrl-C ends it`);
    }
    const { packets = [] } = news;
    if (out.writableLength > WAITING_BYTES_MOST) {
      this.missed += packets.length;
    } else if (packets.length > 0) {
      this.taken += packets.length;
      // In one piece: each is a call of the system.
      out.write(this.forms(packets));
    }
    this.lost = (news.lost ?? 0) + this.missed;
    if (news.ended !== undefined) watch.end(news);
  }

  private forms(packets: readonly TappedPacketText[]): string | Uint8Array {
    if (this.json) return packets.map((packet) => `${JSON.stringify({ engine: this.engineName, ...packet })}\n`).join('');
    if (this.write === undefined) return packets.map((packet) => `${tapLine(packet)}\n`).join('');
    return Buffer.concat(packets.map((packet) => this.record(packet)));
  }

  private record(packet: TappedPacketText): Uint8Array {
    const { seconds, nanoseconds, wireLength, linkType, link, brick, data } = packet;
    return this.capture.packet({
      link: link ?? `${this.engineName}: ${brick}`, linkType, seconds, nanoseconds, wireLength, data: Buffer.from(data, 'base64'), comment: `engine ${this.engineName}, ${placeText(packet)}`,
    });
  }

  /** @throws BricksError E_FILE */
  private async output(watch: WatchEnd): Promise<Writable> {
    const standard = this.context.stdout as Writable;
    if (this.write === undefined) return standard;
    const out = this.write === '-' ? standard : createWriteStream(systemName(this.write));
    if (out !== standard) {
      await once(out, 'open').catch((error: unknown) => {
        throw new BricksError('E_FILE', `The file ${this.write} can't be written: ${systemReason(error)}.`);
      });
      out.on('error', (error: Error) => watch.end({ ended: 'failed', text: `The file ${this.write} can't be written: ${systemReason(error)}.` }));
    }
    out.write(this.capture.begin());
    return out;
  }
}
