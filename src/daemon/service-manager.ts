/** Reports to systemd, or another service manager that speaks its protocol, by datagrams to the socket that NOTIFY_SOCKET names. */
import { sendDatagram } from '../native/process';

export class ServiceManager {
  private readonly socket: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** `tell` hears what could not be said. The variables are taken out: they are not meant for programs that scripts start. */
  constructor(environment: NodeJS.ProcessEnv, private readonly tell: (text: string) => void) {
    this.socket = environment['NOTIFY_SOCKET'] || undefined;
    const microseconds = Number(environment['WATCHDOG_USEC']);
    const isForUs = environment['WATCHDOG_PID'] === undefined || Number(environment['WATCHDOG_PID']) === process.pid;
    if (this.socket !== undefined && isForUs && microseconds > 0) this.timer = setInterval(() => this.say('WATCHDOG=1'), Math.max(1, microseconds / 2000));
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  }

  ready(status: string): void {
    this.say(`READY=1\nSTATUS=${status}\nMAINPID=${process.pid}`);
  }

  /** Ends with `ready`. */
  reloading(): void {
    this.say(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.say('STOPPING=1\nSTATUS=stopping');
  }

  close(): void {
    clearInterval(this.timer);
  }

  private say(text: string): void {
    if (this.socket === undefined) return;
    const failure = sendDatagram(this.socket, text);
    if (failure !== undefined) this.tell(`The service manager does not take messages at ${this.socket}: ${failure}.`);
  }
}
