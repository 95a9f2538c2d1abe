import { Command, Option, UsageError } from 'clipanion';
import { isInInclusiveRange, isNumber, cascade } from 'typanion';
import type { GraphDescription } from '../../control/graph-description';
import { isUnlinked, unlinkedText } from '../../control/unlinked';
import { planScript, planText, PLANNED_BACKEND } from '../../program/planned-set-up';
import { checkScript, findScript } from '../../program/script';
import { say } from '../../program/messages';
import { writeOut } from '../../program/written';
import { containerBricks, printSetup, type KnownBricks } from '../../text';
import { toDot, toMermaid } from '../../picture/graph-text';
import { pictureOf, type Picture } from '../../picture/picture';
import { rateText, type EdgeRate } from '../../picture/rates';
import { toSvg } from '../../picture/svg';
import { drawInTerminal } from '../../picture/terminal';
import { ClientCommand, connectOptions } from '../client-command';
import { daemonGraphs } from '../daemon-graphs';
import { pluginsOption } from '../options';

const FORMS = ['text', 'dot', 'mermaid', 'svg', 'json'] as const;
/** What a drawing may take where nobody can tell how wide the terminal is. */
const COLUMNS = 100;

interface Shown {
  readonly graphs: readonly GraphDescription[];
  readonly known: KnownBricks;
  /** What passes the edges of a graph's picture; nothing for engines that are not running. */
  readonly ratesOf: (picture: Picture, index: number) => readonly EdgeRate[] | undefined;
}

/** Shows the graph of a setup, or that of a running daemon. */
export class GraphCommand extends ClientCommand {
  static override paths = [['graph']];
  static override usage = Command.Usage({
    description: 'Show the graph of a setup or of a running daemon, as a drawing or as text.',
    details: `
      Without a script it asks the daemon. A script is run as bricks check does: nothing is opened. A setup as text (bricks run) may stand in its place.

      It draws in the terminal unless an option says otherwise. --text prints the setup as bricks run takes it: run anew, it builds the same graph.
      Drawings of a daemon's engines show packets a second on their edges, measured over --seconds.
    `,
    examples: [
      ['What the daemon does', 'bricks graph'],
      ['The same, as a setup to keep', 'bricks graph --text > sensor.bricks'],
      ['What a script would build, as a picture', 'bricks graph --svg load-balance -- eth3 4 > setup.svg'],
      ['For Graphviz', "bricks graph --dot 'eth3 -> LoadBalancer -> eth3{0..3' | dot -Tpng > setup.png"],
    ],
  });

  text = Option.Boolean('--text', false, { description: 'print the setup as bricks run takes it' });
  dot = Option.Boolean('--dot', false, { description: 'print DOT, for Graphviz' });
  mermaid = Option.Boolean('--mermaid', false, { description: 'print Mermaid, for Markdown pages' });
  svg = Option.Boolean('--svg', false, { description: 'print an SVG file' });
  json = Option.Boolean('--json', false, { description: 'print engines with their bricks and links as JSON' });
  seconds = Option.String('--seconds', {
    description: 'measure rates of a running daemon for so long, 1 unless set; 0 shows none',
    validator: cascade(isNumber(), isInInclusiveRange(0, 3600)),
  });
  backend = Option.String('--backend', { description: `the backend that a script is planned for, ${PLANNED_BACKEND} unless set` });
  plugins = pluginsOption();
  words = Option.Rest({ name: 'script' });

  override async execute(): Promise<number> {
    const [script] = this.words;
    const forms = FORMS.filter((form) => this[form]);
    if (forms.length > 1) throw new UsageError(`Use only one of ${forms.map((form) => `--${form}`).join(' and ')}.`);
    if (script !== undefined && Object.values(connectOptions(this)).some((one) => one !== undefined)) throw new UsageError('graph takes a script, or says which daemon, not both.');
    const isDrawn = forms[0] === undefined || ['dot', 'mermaid', 'svg'].includes(forms[0]);
    const shown = script === undefined ? await daemonGraphs(connectOptions(this), isDrawn ? this.seconds ?? 1 : 0) : await this.ofScript(script);
    await writeOut(this.context.stdout, this.form(forms[0], shown));
    return 0;
  }

  private async ofScript(given: string): Promise<Shown> {
    const graphs = await this.planned(given);
    return { graphs, known: containerBricks, ratesOf: () => undefined };
  }

  private async planned(given: string): Promise<readonly GraphDescription[]> {
    const settings = { backend: this.backend, plugins: this.plugins };
    if (given.includes('->')) return planText(given, undefined, settings);
    const script = findScript(given);
    checkScript(script);
    return planScript(script, this.words.slice(1), settings);
  }

  private form(form: (typeof FORMS)[number] | undefined, { graphs, known, ratesOf }: Shown): string {
    if (form === 'json') return `${JSON.stringify(graphs, undefined, 2)}\n`;
    // Those without bricks as comments: no setup can make them.
    const text = (): string => {
      const [unlinked, linked] = [graphs.filter(isUnlinked), graphs.filter((graph) => !isUnlinked(graph))];
      return `${linked.length === 0 ? '' : printSetup(linked, known)}${unlinked.map(({ name }) => `# ${unlinkedText(name)}\n`).join('')}`;
    };
    if (form === 'text') return text();
    const pictures = graphs.map((graph) => pictureOf(graph, known));
    const labels = pictures.map((picture, index) => labelsOf(picture, ratesOf(picture, index)));
    if (form === 'dot') return toDot(pictures, labels);
    if (form === 'mermaid') return toMermaid(pictures, labels);
    if (form === 'svg') return toSvg(pictures, labels);
    const columns = (this.context.stdout as { columns?: number }).columns ?? (Number(process.env['COLUMNS']) || COLUMNS);
    const drawings = pictures.map((picture, index) => drawInTerminal(picture, columns, labels[index]));
    // What is too wide for the terminal is still to be read.
    if (drawings.some((drawing) => drawing === undefined)) {
      say(`The drawing is wider than ${columns} columns, so this is the setup as text. A wider terminal shows the drawing, and --svg makes a picture.`);
      return text();
    }
    const ofDaemon = this.words.length === 0;
    if (pictures.length === 0) return `${ofDaemon ? 'The daemon has' : 'It makes'} no engines.\n`;
    const stopped = ({ running, edges }: Picture): string => (ofDaemon && !running && edges.length > 0 ? ' (stopped)' : '');
    return `${pictures.map((picture, index) => `engine ${picture.engine}${stopped(picture)}\n\n${drawings[index]}`).join('\n\n')}\n`;
  }
}

/** What stands on the edges: numbers of outputs, and rates. */
function labelsOf({ edges }: Picture, rates: readonly EdgeRate[] | undefined): string[] {
  return edges.map(({ outputs }, index) => [...(outputs === '' ? [] : [`[${outputs}]`]), ...(rates === undefined ? [] : [rateText(rates[index])])].join(' '));
}
