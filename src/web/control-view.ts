/** Control of the daemon, where it offers that: nothing of it is on the page otherwise. What stops packets is asked about first. */
import type { WebCommand, WebEngine, WebState } from '../observe/web-messages';
import { isUnlinked, unlinkedText } from '../control/unlinked';
import { confirmed } from './confirm';
import { ControlClient, type Outcome } from './control-client';
import { element, setText } from './dom';

interface EngineRow {
  readonly item: HTMLLIElement;
  readonly text: HTMLSpanElement;
  readonly button: HTMLButtonElement;
  running: boolean;
}

export class ControlView {
  private readonly client = new ControlClient();
  private readonly status = element('p', { id: 'control-status', role: 'status' });
  private readonly field = element('input', { id: 'control-token', type: 'password', autocomplete: 'current-password', required: '' });
  private readonly form = element('form', { id: 'control-form' }, element('label', { for: 'control-token' }, 'Control token'), this.field, element('button', { type: 'submit' }, 'Take control'));
  private readonly list = element('ul', { 'aria-label': 'Engines to control' });
  private readonly buttons = element('div', { class: 'buttons' });
  private readonly panel = element('div', {}, this.list, this.buttons);
  private readonly rows = new Map<string, EngineRow>();
  private commands: readonly WebCommand[] = [];
  private busy = false;

  constructor(private readonly target: HTMLElement) {
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.takeControl();
    });
  }

  /** What can be done. */
  offer(commands: readonly WebCommand[]): void {
    this.commands = commands;
    if (commands.length === 0) {
      this.client.forget();
      this.target.replaceChildren();
    } else if (this.target.childElementCount === 0) {
      this.target.append(element('section', { 'aria-labelledby': 'control-title' }, element('h2', { id: 'control-title' }, 'Control'), this.form, this.status));
    }
  }

  show({ engines }: WebState): void {
    for (const [name, { item }] of this.rows) {
      if (engines.some((engine) => engine.name === name)) continue;
      item.remove();
      this.rows.delete(name);
    }
    for (const engine of engines) {
      const row = this.rows.get(engine.name) ?? this.addRow(engine);
      row.running = engine.running;
      const unlinked = isUnlinked(engine);
      row.button.hidden = unlinked;
      setText(row.text, unlinked ? unlinkedText(engine.name) : `${engine.name}: ${engine.running ? 'running' : 'stopped'}`);
      setText(row.button, `${engine.running ? 'Stop' : 'Start'} ${engine.name}`);
    }
  }

  private addRow({ name, running }: WebEngine): EngineRow {
    const row: EngineRow = { text: element('span'), button: element('button', { type: 'button' }), item: element('li'), running };
    row.item.append(row.button, row.text);
    row.button.addEventListener('click', () => void (row.running ? this.stop(name) : this.carryOut('engine.start', { name }, `Engine ${name} is running.`)));
    this.rows.set(name, row);
    this.list.append(row.item);
    return row;
  }

  private async takeControl(): Promise<void> {
    const problem = await this.client.take(this.field.value.trim());
    this.field.value = '';
    if (problem !== undefined) {
      this.field.focus();
      return this.say(problem, true);
    }
    const button = (text: string, act: () => void): HTMLButtonElement => {
      const made = element('button', { type: 'button' }, text);
      made.addEventListener('click', act);
      return made;
    };
    this.buttons.replaceChildren(
      ...(this.commands.includes('daemon.reload') ? [button('Reload the script', () => void this.reload())] : []),
      button('Shut down the daemon', () => void this.shutDown()),
      button('Give up control', () => {
        if (!this.busy) this.giveUp('Control was given up.');
      }),
    );
    this.form.replaceWith(this.panel);
    this.say('You have control. It ends when this page is closed or loaded again.');
    this.panel.querySelector('button')?.focus();
  }

  private giveUp(text: string, bad = false): void {
    this.client.forget();
    this.panel.replaceWith(this.form);
    this.say(text, bad);
    this.field.focus();
  }

  private async stop(name: string): Promise<void> {
    if (this.busy || !await confirmed(`Stop engine ${name}?`, 'What it has received is sent or counted first. Until it is started again, it receives nothing, and programs that read its outputs get nothing.', `Stop ${name}`)) return;
    await this.carryOut('engine.stop', { name }, `Engine ${name} is stopped.`);
  }

  private async reload(): Promise<void> {
    if (this.busy || !await confirmed('Reload the script?', 'Engines that it builds as before go on. Those that it builds otherwise are changed while they run, and those that it does not build any more are closed.', 'Reload')) return;
    await this.carryOut('daemon.reload', {}, '');
  }

  private async shutDown(): Promise<void> {
    if (this.busy || !await confirmed('Shut down the daemon?', 'All engines stop, and this page ends with them. Only somebody on the machine can start the daemon again.', 'Shut down')) return;
    await this.carryOut('daemon.shutdown', {}, 'The daemon is shutting down.');
  }

  /** One command at a time. */
  private async carryOut(command: WebCommand, parameters: Readonly<Record<string, string>>, done: string): Promise<void> {
    if (this.busy) return;
    this.setBusy(true);
    this.say('Working ...');
    const outcome = await this.client.command(command, parameters);
    this.setBusy(false);
    if (!this.client.hasToken) this.giveUp('The token is not right any more.', true);
    else if ('problem' in outcome) this.say(outcome.problem, true);
    else this.say(done === '' ? reloadText(outcome) : done);
  }

  /** Buttons keep the focus meanwhile. */
  private setBusy(busy: boolean): void {
    this.busy = busy;
    for (const button of this.panel.querySelectorAll('button')) button.setAttribute('aria-disabled', `${busy}`);
  }

  private say(text: string, bad = false): void {
    this.status.classList.toggle('bad', bad);
    setText(this.status, text);
  }
}

/** `Reloaded: 1 added, 0 changed, ...` */
function reloadText(outcome: Outcome): string {
  const report = 'result' in outcome && outcome.result ? Object.entries(outcome.result) : [];
  return `Reloaded: ${report.map(([what, names]: [string, readonly string[]]) => `${names.length} ${what}`).join(', ')}.`;
}
