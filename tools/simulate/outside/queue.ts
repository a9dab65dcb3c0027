import type { Queue, Topic } from '@millwright/domain';
import type { Outside } from './outside.ts';
import type { Process } from './time.ts';

type Worker = { process: Process; topic: Topic; free: number; handler: (id: string) => Promise<void> };

/** The queue of a drive: wakes whoever is free, at some time, perhaps twice, or not at all. */
export class Wakes {
  readonly #outside: Outside;
  readonly #workers = new Set<Worker>();
  readonly #waiting: { topic: Topic; id: string }[] = [];
  /** Wake-ups come twice now. */
  doubles = false;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  add(topic: Topic, id: string): void {
    const { time, chance } = this.#outside;
    for (let times = this.doubles ? 2 : 1; times > 0; times -= 1)
      time.after(chance.between(1, 12) + (this.doubles ? chance.between(0, 300) : 0), null, () => {
        this.#waiting.push({ topic, id });
        this.#hand();
      });
  }

  work(worker: Worker): () => void {
    this.#workers.add(worker);
    this.#hand();
    return () => this.#workers.delete(worker);
  }

  /** Whatever is waiting is gone (FLUSHALL). */
  flush(): void {
    this.#waiting.length = 0;
  }

  #hand(): void {
    const { network, chance, time } = this.#outside;
    for (let at = 0; at < this.#waiting.length; ) {
      const job = this.#waiting[at] as { topic: Topic; id: string };
      const free = [...this.#workers].filter(
        ({ topic, process, free: left }) =>
          topic === job.topic && left > 0 && process.alive && network.reaches(process, 'queue'),
      );
      if (free.length === 0) {
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      const worker = chance.of(free);
      worker.free -= 1;
      time.after(0, worker.process, () => {
        worker
          .handler(job.id)
          .catch((error: unknown) => this.#outside.note(`${worker.process.name}: ${String(error)}`))
          .finally(() => {
            worker.free += 1;
            this.#hand();
          });
      });
    }
  }
}

export function queueOf(outside: Outside, process: Process): Queue {
  const { network, wakes } = outside;
  return {
    wake: async (topic, id) => {
      // What does not get through costs time, never work.
      await network
        .call('queue', { changes: true, away: (why) => new Error(why), work: () => wakes.add(topic, id) })
        .catch(() => undefined);
    },
    work: async (topic, concurrency, handler) => {
      const work = () => wakes.work({ process, topic, free: concurrency, handler });
      let stop = work();
      const end = async () => stop();
      return {
        ...{ stop: end, pause: end },
        resume: () => {
          stop = work();
        },
      };
    },
    close: async () => undefined,
  };
}
