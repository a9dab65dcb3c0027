import { z } from 'zod';
import { TicketKind } from '../artifacts.ts';
import { GitSha, ReleaseId, RepoName, RunId, UnitName } from '../ids.ts';
import { e, reason } from './form.ts';

/** A place outside where tickets are written and changes are reviewed. */
export const PlaceKind = z.enum(['github']);
export type PlaceKind = z.infer<typeof PlaceKind>;

/** A step of the autonomy ladder. */
const Step = z.number().int().min(0).max(7);

/** `repo/<name>` */
export const repositoryEntries = [
  e('repo.added', {
    repo: RepoName,
    url: z.string(),
    branch: z.string(),
    deliver: z.enum(['merge', 'branch']),
    /** The default one, where none is said. */
    unit: UnitName.optional(),
  }),
  /** It is of this unit from now on: what may be done to it, and by whom, is asked of this one. */
  e('repo.moved', { repo: RepoName, unit: UnitName, reason }),
  /** `kind`: of this kind of change alone, which never goes further than the repository. */
  e('repo.step-set', { repo: RepoName, step: Step, kind: TicketKind.optional(), reason }),
  /**
   * Autonomy lost by itself; `kind` null: for every kind of change. Recorded before the outcome that cost it, so that no gate is judged in
   * between. `release` is what was rolled back, or served when the incident came.
   */
  e('autonomy.dropped', {
    repo: RepoName,
    kind: TicketKind.nullable(),
    from: Step,
    to: Step,
    cause: z.enum(['rolled_back', 'critical_incident', 'stuck']),
    release: ReleaseId.nullable(),
  }),
  /** The releases of these runs came to serve since: a person may raise it again. */
  e('autonomy.raise-proposed', {
    repo: RepoName,
    kind: TicketKind,
    from: Step,
    to: Step,
    runs: z.array(RunId).max(1_000),
  }),
  /** Its tickets come from there too, and what becomes of them is told there: `project` at the service whose interface is at `api`. One at a time. */
  e('repo.connected', {
    repo: RepoName,
    kind: PlaceKind,
    api: z.url({ protocol: /^https?$/ }).max(2_048),
    /** As it is called there: `owner/name`. */
    project: z.string().regex(/^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/, 'a project is owner/name'),
    /** What makes an issue a ticket. */
    label: z.string().min(1).max(50),
  }),
  e('repo.disconnected', { repo: RepoName, reason }),
  e('repo.secret-set', { repo: RepoName, name: z.string() }),
  /** A person lets what was rolled back ship again. */
  e('quarantine.lifted', { repo: RepoName, commit: GitSha, reason }),
] as const;
export type RepositoryEntry = z.infer<(typeof repositoryEntries)[number]>;
