// A script of the recorded model, for tests and for bench/.

/** An implementer that goes on for ever, at 30 kB a turn, each other than the one before. */
export const WORKING = {
  role: 'implement',
  repeat: true,
  handover: 'Lines are in log.txt; go on adding.',
  turns: [
    {
      think: 'On.',
      tools: [
        { bash: "echo {{turn}} >> log.txt; head -c 29900 /dev/zero | tr '\\0' x; echo; wc -l < log.txt" },
      ],
    },
  ],
};
