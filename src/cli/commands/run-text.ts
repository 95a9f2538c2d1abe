import { Command, Option, UsageError } from 'clipanion';
import { prepareEngineThread } from '../../control/engine-thread';
import { checkScript, readSetupFile } from '../../program/script';
import { runSetup } from '../../text';
import { EnginesCommand } from '../engines-command';

const STANDARD_INPUT = '-';

/** Runs a setup that is written in one line, or in some. */
export class RunTextCommand extends EnginesCommand {
  static override paths = [['run']];
  static override usage = Command.Usage({
    description: 'Run a setup written in one line.',
    details: `
      Links and bricks are connected by arrows: packets go from left to right. eth3{0..3 stands for the pipes eth3{0 to eth3{3. Put the whole setup in single quotes, so that
      the shell leaves it alone. With -f it comes from a file, with - from standard input; there it may have several lines, and comments after #.

      It runs until all sources have ended, or until a signal, and then prints how many packets were received and dropped.
    `,
    examples: [
      ['Split eth3 over 4 pipes', "bricks run 'eth3 -> LoadBalancer(4) -> eth3{0..3'"],
      ['Record web traffic', "bricks run 'eth3 -> Filter(\"tcp port 80 or tcp port 443\") -> web.pcap'"],
      ['Branches: output 0 is filtered, the others are pipes', "bricks run 'eth3 -> lb: LoadBalancer; lb[0] -> Filter(\"udp\") -> udp.pcap; lb[1..3] -> eth3{1..3'"],
      ['From a file', 'bricks run -f sensor.bricks'],
    ],
  });

  file = Option.String('-f,--file', { description: 'read the setup from this file' });
  words = Option.Rest({ name: 'setup' });

  override async execute(): Promise<number> {
    const { text, name } = this.setup();
    prepareEngineThread();
    return this.runEngines(name, async () => {
      await runSetup(text, name, (command) => this.engines.carryOut(command));
      await this.engineEnd();
      return 0;
    });
  }

  /** @throws UsageError, BricksError E_SCRIPT */
  private setup(): { text: string; name?: string } {
    const { file, words } = this;
    if (words.length > 1) throw new UsageError(`run takes one setup, got ${words.length} words: put all of it in single quotes: bricks run 'eth3 -> LoadBalancer -> eth3{0..3'.`);
    if (file !== undefined && words.length > 0) throw new UsageError('run takes a setup or -f FILE, not both.');
    if (file !== undefined && file !== STANDARD_INPUT) {
      checkScript(file);
      return { text: readSetupFile(file), name: file };
    }
    const [text] = words;
    if (file === STANDARD_INPUT || text === STANDARD_INPUT) return { text: readSetupFile(0) };
    if (text === undefined) throw new UsageError("run needs a setup: bricks run 'eth3 -> LoadBalancer -> eth3{0..3', or -f FILE.");
    return { text };
  }
}
