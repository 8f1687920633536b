import { LocalBroker } from '../../src/rooms/broker.ts';
import { brokerSuite } from './broker-suite.ts';

brokerSuite('LocalBroker', async () => ({
  broker: new LocalBroker(),
  nodeId: 'alone000',
  received: [],
  settled: async () => {},
}));
