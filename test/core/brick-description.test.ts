import { LoadBalancer } from 'packet-bricks';
import { looseBricks } from 'packet-bricks/src/model/brick-description';

test('bricks that no engine is ever given are named, and are not all kept', () => {
  for (let number = 0; number < 1000; number++) new LoadBalancer().connectInput(`eth${number}`).connectOutput('x{0');
  const loose = looseBricks();
  expect(loose[0]).toBe('LoadBalancer from eth0');
  expect(loose.length).toBeLessThanOrEqual(64);
});
