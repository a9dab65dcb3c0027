import { mcpOverStdio, whyNoAgent } from '@millwright/mcp';
import type { Context } from '../context.ts';
import { usage } from '../fail.ts';

/** Serves another agent on stdin and stdout, until they end. Refused with a token that could decide something. */
export async function mcp(context: Context): Promise<void> {
  const { value: me } = await context.client.call('whoAmI');
  const why = whyNoAgent(me.grants);
  if (why !== null) throw usage(why, './millwright person invite NAME --roles author');
  mcpOverStdio(context.client);
}
