import { attemptDecider } from './attempt.ts';
import type { DecidedStream, Decider } from './decider.ts';
import type { Entry } from './entries/index.ts';
import type { RunEntry } from './entries/run.ts';
import { factoryDecider } from './factory.ts';
import {
  type AttemptId,
  type PersonId,
  type RepoName,
  type RunId,
  type StreamId,
  streamOf,
  type TicketId,
  type UnitName,
} from './ids.ts';
import { personDecider } from './person.ts';
import { repositoryDecider } from './repository/index.ts';
import { decide, evolve, initialState, type RunState } from './run/index.ts';
import { targetDecider } from './target/index.ts';
import { ticketDecider } from './ticket.ts';
import { unitDecider } from './unit.ts';

// The streams of the trail, each with its decider.

const runDecider: Decider<RunState, RunEntry> = { initialState, decide, evolve };

const stream = <S, E extends Entry>(id: StreamId, decider: Decider<S, E>): DecidedStream<S, E> => ({
  id,
  decider,
});

export const factoryStream = () => stream(streamOf.factory(), factoryDecider);
export const personStream = (id: PersonId) => stream(streamOf.person(id), personDecider);
export const repositoryStream = (name: RepoName) => stream(streamOf.repo(name), repositoryDecider);
export const ticketStream = (id: TicketId) => stream(streamOf.ticket(id), ticketDecider);
export const runStream = (id: RunId) => stream(streamOf.run(id), runDecider);
export const attemptStream = (id: AttemptId) => stream(streamOf.attempt(id), attemptDecider);
export const targetStream = (repo: RepoName) => stream(streamOf.target(repo), targetDecider);
export const unitStream = (name: UnitName) => stream(streamOf.unit(name), unitDecider);
