import { Command, Option } from 'clipanion';
import type { DeviceInformation } from '../../model/backend';
import { messageOf } from '../../model/errors';
import { allBackends } from '../../plugins/container';
import { table } from '../output';

/** Lists interfaces with what each backend can do with them. */
export class DevicesCommand extends Command {
  static override paths = [['devices']];
  static override usage = Command.Usage({
    description: 'List interfaces and what each backend can do with them.',
    examples: [['All interfaces', 'bricks devices'], ['For programs', 'bricks devices --json']],
  });

  json = Option.Boolean('--json', false, { description: 'print JSON' });

  override async execute(): Promise<number> {
    const backends = allBackends();
    const reports = await Promise.all(backends.map(async (backend) => {
      const status = backend.status();
      let devices: readonly DeviceInformation[] = [];
      let problem: string | undefined = status.usable ? undefined : status.reason;
      try {
        if (status.usable) devices = await backend.devices();
      } catch (error) {
        problem = messageOf(error);
      }
      return { backend: backend.name, usable: status.usable && problem === undefined, reason: problem ?? status.reason, devices };
    }));
    if (this.json) {
      this.context.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`);
      return 0;
    }
    const names = [...new Set(reports.flatMap((report) => report.devices.map((device) => device.name)))];
    const rows = [['INTERFACE', ...reports.map((report) => report.backend.toUpperCase()), 'NOTES']];
    for (const name of names) {
      const found = reports.map((report) => report.devices.find((device) => device.name === name));
      const notes = new Set(found.flatMap((device) => (device ? [device.description, ...device.notes] : [])).filter(Boolean));
      rows.push([name, ...found.map(abilities), [...notes].join(', ')]);
    }
    if (names.length > 0) this.context.stdout.write(`${table(rows)}\n\n`);
    for (const report of reports) {
      this.context.stdout.write(`${report.backend}: ${report.usable ? report.reason : `does not work here: ${report.reason}`}\n`);
    }
    return 0;
  }
}

function abilities(device: DeviceInformation | undefined): string {
  if (!device) return '-';
  return [device.capture ? 'capture' : '', device.send ? 'send' : ''].filter(Boolean).join('+') || '-';
}
