import { LocalRoomStore } from '../../src/rooms/local-room-store.ts';
import { roomStoreSuite } from './room-store-suite.ts';

roomStoreSuite('LocalRoomStore', async () => ({ store: new LocalRoomStore(), node: '' }));
