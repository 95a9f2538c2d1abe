/** Packets for tests: the frames that authors of bricks test with, and what else our own tests need. */
import type { Layered } from 'packet-bricks/src/testing/frames/index';
import { layered } from 'packet-bricks/src/testing/frames/layers';

export * from 'packet-bricks/src/testing/frames/index';

export function text(content: string): Layered {
  return layered('data', Buffer.from(content));
}
