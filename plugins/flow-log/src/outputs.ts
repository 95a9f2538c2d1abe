import { lineOutputs } from 'packet-bricks';

/** Where lines may go. Clients of NATS and Kafka are installed by those who need them. */
export const { destinationOf, open } = lineOutputs({
  what: 'Flows', plugin: 'bricks-plugin-flow-log', code: 'X_FLOW_LOG',
  clients: { nats: () => import('@nats-io/transport-node'), kafka: () => import('kafkajs') },
});
