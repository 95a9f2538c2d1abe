/** Serves metrics by HTTP, as Prometheus scrapes them: `bricks --metrics ADDRESS`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Registry, collectDefaultMetrics, type OpenMetricsContentType, type PrometheusContentType } from 'prom-client';
import type { EngineStatistics } from '../control/statistics';
import { BricksError, messageOf } from '../model/errors';
import { engineMetrics } from './engine-metrics';
import { listenHttp } from './http-listener';
import { refuse } from './web-http';

const PATH = '/metrics';
/** Gauges of prom-client whose names end as those of counters do, which promtool minds; the same is in `nodejs_active_resources` and others without that ending. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
/** Unless told otherwise. */
export const METRICS_PORT = 9_477;

export interface MetricsServer {
  /** `http://127.0.0.1:9477/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

/** One registry for each format: prom-client renames counters in OpenMetrics. */
class Formats {
  private readonly text: Registry<PrometheusContentType>;
  private readonly open: Registry<OpenMetricsContentType>;
  private snapshot: readonly EngineStatistics[] = [];

  constructor(private readonly read: () => readonly EngineStatistics[]) {
    this.text = this.filled(new Registry<PrometheusContentType>());
    this.open = new Registry<OpenMetricsContentType>();
    this.open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.filled(this.open);
  }

  private filled<Format extends Registry<PrometheusContentType> | Registry<OpenMetricsContentType>>(registry: Format): Format {
    for (const metric of engineMetrics(() => this.snapshot)) registry.registerMetric(metric);
    collectDefaultMetrics({ register: registry as Registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    return registry;
  }

  async write(accept: string): Promise<{ readonly type: string; readonly text: string }> {
    const registry = accept.includes('application/openmetrics-text') ? this.open : this.text;
    this.snapshot = this.read();
    return { type: registry.contentType, text: await registry.metrics() };
  }
}

/**
 * Listens on `host` and `port` (0: any that is free). `read` returns the statistics of all engines; it is called once for each scrape.
 * @throws BricksError E_METRICS
 */
export async function serveMetrics(host: string, port: number, read: () => readonly EngineStatistics[]): Promise<MetricsServer> {
  const formats = new Formats(read);
  const server = createServer((request, response) => void answer(formats, request, response));
  const { origin, close } = await listenHttp(server, host, port, (reason) => new BricksError('E_METRICS', `Cannot serve metrics on ${host} port ${port}: ${reason}.`, 'Choose another address: --metrics 127.0.0.1:9478'));
  return { url: `${origin}${PATH}`, close };
}

async function answer(formats: Formats, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0];
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (!reading) response.setHeader('Allow', 'GET, HEAD');
  if (!reading || path !== PATH) {
    refuse(response, reading ? 404 : 405, reading || path !== PATH ? `Packet Bricks serves its metrics at ${PATH}.` : 'Metrics can only be read: use GET.');
    return;
  }
  try {
    const { type, text } = await formats.write(request.headers.accept ?? '');
    response.writeHead(200, { 'Content-Type': type }).end(request.method === 'HEAD' ? undefined : text);
  } catch (error) {
    refuse(response, 500, `The metrics could not be read: ${messageOf(error)}`);
  }
}
