import { type Frame, valueAt } from '../support/socket.ts';
import type { Entry, Sent } from './history.ts';

/** A session as its client saw it: from a first welcome over all resumes, until another one began in its place. */
export interface Session {
  readonly client: string;
  readonly clientId: string;
  readonly roomId: string;
  /** Where in the history its first connection began, and where it was welcomed. */
  readonly openedAt: number;
  readonly welcomedAt: number;
  /** Whether it was there to the end. */
  lasts: boolean;
  readonly sent: (Sent & At)[];
  /** What it received, welcomes included. */
  readonly received: Received[];
}

/** Where in the history, and on which socket. */
export interface At {
  readonly at: number;
  readonly socket: number;
}

export interface Received extends At {
  readonly frame: Frame;
  readonly text: string;
}

interface Opening {
  readonly at: number;
  readonly roomId: string;
  readonly resume: boolean;
  session: Session | undefined;
}

/** The sessions of a history, and what is wrong with how they began or went on. */
export function sessionsOf(entries: readonly Entry[]): { sessions: Session[]; faults: string[] } {
  const sessions: Session[] = [];
  const faults: string[] = [];
  const openings = new Map<number, Opening>();
  const current = new Map<string, Session>();

  for (const [at, entry] of entries.entries()) {
    const { client, socket } = entry;
    const opening = openings.get(socket);
    if (entry.kind === 'open') {
      openings.set(socket, { at, roomId: entry.roomId, resume: entry.resume, session: undefined });
    } else if (entry.kind === 'send') {
      opening?.session?.sent.push({ ...entry, at });
    } else if (entry.kind === 'receive' && opening !== undefined) {
      const { frame, text } = entry;
      if (frame.type === 'session.welcome') welcome(client, at, opening, frame);
      else if (opening.session === undefined && !/^(admission\.|notice$)/.test(frame.type)) {
        faults.push(`${client} got ${frame.type} before its welcome`);
      }
      opening.session?.received.push({ at, socket, frame, text });
    }
  }
  return { sessions, faults };

  function welcome(client: string, at: number, opening: Opening, { payload }: Frame): void {
    const clientId = String(valueAt(payload, 'self', 'clientId'));
    const before = current.get(client);
    if (opening.session !== undefined) {
      faults.push(`${client} was welcomed twice on one connection`);
    } else if (payload.resumed === true) {
      if (!opening.resume) faults.push(`${client} resumed without having asked`);
      if (before?.clientId !== clientId) faults.push(`${client} resumed as ${clientId}, who it was not`);
      opening.session = before;
    } else {
      if (sessions.some((one) => one.clientId === clientId)) {
        faults.push(`${client} started afresh under the old id ${clientId}`);
      }
      if (before !== undefined) before.lasts = false;
      const { roomId, at: openedAt } = opening;
      const session: Session = {
        ...{ client, clientId, roomId, openedAt, welcomedAt: at, lasts: true },
        ...{ sent: [], received: [] },
      };
      sessions.push(session);
      current.set(client, session);
      opening.session = session;
    }
  }
}
