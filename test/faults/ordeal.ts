import type { Ending, Entry, Excuses, Listed } from './history.ts';
import { judge } from './judge.ts';
import { lineOf } from './roster.ts';
import { asked, type Stage } from './stage.ts';
import { Talker } from './talker.ts';

/** Something that goes wrong, for a while. */
export interface Fault {
  readonly name: string;
  readonly excuses?: Excuses;
  /** What lies between two messages of anybody. */
  readonly paceMs?: number;
  readonly holdMs: number;
  /** Clients notice silence after so long; by turns `briefMs` where nothing is said. */
  readonly silenceMs?: number;
  begin(stage: Stage): unknown;
  end(stage: Stage): unknown;
}

/** What came of a fault. */
export interface Outcome {
  /** What is wrong; nothing, where all went as it is promised. */
  readonly faults: readonly string[];
  readonly sends: number;
  readonly deliveries: number;
  readonly resumes: number;
  readonly freshStarts: number;
}

let lastOrdeal = 0;
const roomCount = 3;
const membersOfRoom = 4;
const briefMs = 1_000;
const patientMs = 8_000;
/** Some talk before and after. */
const quietMs = 400;
const healedWithinMs = 10_000;
/** Windows of sessions that ended otherwise, and leases of nodes that were killed, are over by then. */
const emptiedWithinMs = 30_000;

/**
 * Has clients talk in rooms of their own, does a fault to the server meanwhile, and judges the history when all have come
 * back and are quiet. All have left when it resolves.
 *
 * @param random chooses who says what; between 0 and 1
 */
export async function endure(stage: Stage, fault: Fault, random: () => number): Promise<Outcome> {
  lastOrdeal += 1;
  const name = `ordeal-${lastOrdeal}`;
  const history: Entry[] = [];
  const talkers = Array.from({ length: roomCount * membersOfRoom }, (_, n) => {
    const roomId = `${name}-${n % roomCount}`;
    const silenceMs = fault.silenceMs ?? (n % 4 < 2 ? briefMs : patientMs);
    return new Talker(`${name}-${n}`, roomId, stage.doors(Math.floor(n / roomCount)), silenceMs, history);
  });
  const late: string[] = [];
  const until = async (holds: () => unknown, what: () => string) => {
    if (!(await becomes(holds))) late.push(`after ${healedWithinMs} ms ${what()}`);
  };
  const areSettled = (what: string) =>
    until(
      () => talkers.every(({ isSettled }) => isSettled),
      () => `${what}: ${talkers.filter(({ isSettled }) => !isSettled).map((one) => lastOf(one, history))}`,
    );
  try {
    for (const talker of talkers) talker.start();
    await areSettled('not all had come');
    const stop = talk(talkers, fault.paceMs ?? 15, random);
    await wait(quietMs);
    try {
      await fault.begin(stage);
      await wait(fault.holdMs);
    } finally {
      await fault.end(stage);
    }
    await wait(quietMs);
    stop();
    await areSettled('not all were back, with an answer to all they had sent');
    // By the order of each sender, who has this has all that was before it.
    for (const talker of talkers) if (talker.isFree) talker.chat();
    await areSettled('not all were answered');
    await until(
      () => hasOneView(stage, talkers),
      () => 'there was no one view',
    );
    const ending = await endingOf(stage, talkers, name);
    const welcomes = history.filter((one) => one.kind === 'receive' && one.frame.type === 'session.welcome');
    const resumes = welcomes.filter((one) => one.kind === 'receive' && one.frame.payload.resumed === true);
    return {
      faults: [...late, ...judge(history, ending, fault.excuses)],
      sends: history.filter(({ kind }) => kind === 'send').length,
      deliveries: history.filter(({ kind }) => kind === 'receive').length,
      resumes: resumes.length,
      freshStarts: welcomes.length - resumes.length - talkers.length,
    };
  } finally {
    await Promise.all(talkers.map((talker) => talker.leave()));
  }
}

/** Resolves when nobody is in any room any more, also none who is waited for. */
export async function emptied(stage: Stage): Promise<boolean> {
  return becomes(async () => {
    const lists = await Promise.all(stage.servers.map((server) => asked(server, 'rooms')));
    return lists.every((rooms) => Array.isArray(rooms) && rooms.length === 0);
  }, emptiedWithinMs);
}

/** Has one after the other say something, as often as is due, also on a busy machine; what it returns ends it. */
function talk(talkers: readonly Talker[], paceMs: number, random: () => number): () => void {
  const startedAt = performance.now();
  let said = 0;
  const timer = setInterval(() => {
    for (const due = (performance.now() - startedAt) / paceMs; said < due; said += 1) say(talkers, random);
  }, paceMs);
  return () => clearInterval(timer);
}

function say(talkers: readonly Talker[], random: () => number): void {
  const talker = talkers[Math.floor(random() * talkers.length)];
  if (talker?.isFree !== true) return;
  const what = random();
  const peers = [...talker.roster.members.keys()].filter((id) => id !== talker.clientId);
  const peer = peers[Math.floor(random() * peers.length)];
  if (what < 0.4) talker.chat();
  else if (what < 0.65) talker.announce();
  else if (what < 0.9 && peer !== undefined) talker.offer(peer);
  else talker.raiseHand(what > 0.95);
}

/** The last that a client did or saw, to find out why nothing came after it. */
function lastOf({ name }: Talker, history: readonly Entry[]): string {
  const own = history.filter(({ client }) => client === name).slice(-4);
  return own.map((entry) => JSON.stringify(entry).slice(0, 300)).join('\n');
}

async function hasOneView(stage: Stage, talkers: readonly Talker[]): Promise<boolean> {
  const registry = await registryOf(stage);
  return talkers.every(({ roomId, roster }) => {
    const lines = registry.filter((one) => one.roomId === roomId).map(line);
    return roster.lines().join() === lines.toSorted().join();
  });
}

const line = ({ clientId, connectionStatus, isHost }: Listed) => lineOf(clientId, connectionStatus, isHost);

async function registryOf({ servers }: Stage): Promise<Listed[]> {
  return (await asked(servers[0], 'active')) as Listed[];
}

async function endingOf(stage: Stage, talkers: readonly Talker[], name: string): Promise<Ending> {
  const readers = Array.from({ length: roomCount }, (_, n) =>
    talkers.find(({ roomId, isFree }) => roomId === `${name}-${n}` && isFree),
  );
  const chats = await Promise.all(
    readers.map(async (reader) => [reader?.roomId ?? '', (await reader?.history()) ?? []] as const),
  );
  let registry: Listed[] = [];
  const isKnown = await becomes(async () => {
    registry = await registryOf(stage);
    return true;
  });
  if (!isKnown) throw new Error('the registry does not say who is there');
  return { registry, chat: new Map(chats) };
}

async function becomes(holds: () => unknown, withinMs = healedWithinMs): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await wait(50)) {
    // A server that has just come back may say that it cannot yet.
    if (await Promise.try(holds).catch(() => false)) return true;
  }
  return false;
}

export function wait(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
