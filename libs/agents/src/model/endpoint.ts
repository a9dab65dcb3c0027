import type Anthropic from '@anthropic-ai/sdk';
import type { BaseAnthropic } from '@anthropic-ai/sdk';

// Where models are asked: Anthropic's own API or a gateway that speaks it, Amazon Bedrock, Google's Vertex AI. Each by the SDK's own client; the
// rest of this folder sees one Messages API. Sources, under https://platform.claude.com/docs/en/build-with-claude: claude-in-amazon-bedrock (Opus
// 4.7 and later: the Messages API below /anthropic, names that begin with `anthropic.`) and claude-on-vertex-ai (model and method in the path).

export type Endpoint =
  | {
      kind?: 'anthropic';
      /** Null is an `auth` failure at Anthropic's own address; a gateway or a local server gets the key `none`. */
      apiKey: string | null;
      /** Sent as `Authorization: Bearer`, instead of the key: what many gateways want. */
      authToken?: string | null;
      baseUrl?: string | null;
    }
  /** Let in by AWS_BEARER_TOKEN_BEDROCK, else by what the AWS chain finds: keys, a profile, a role. */
  | { kind: 'bedrock'; region: string | null; baseUrl?: string | null }
  /** Let in by what Google's default credentials are. */
  | { kind: 'vertex'; project: string | null; region: string | null; baseUrl?: string | null };

/** What people are told of an endpoint that does not let them in, or is none. `where` has no credential in it. */
export type Site = { kind: 'anthropic' | 'bedrock' | 'vertex'; where: string; key: string; address: string };

type Opened = {
  base: BaseAnthropic;
  messages: Pick<Anthropic.Messages, 'create' | 'countTokens'>;
  /** Null where the endpoint does not serve the list of models. */
  models: Anthropic.Models | null;
};

const ANTHROPIC = 'https://api.anthropic.com';

const addressOf = (endpoint: Endpoint): string => {
  switch (endpoint.kind) {
    case 'bedrock':
      return endpoint.baseUrl ?? `https://bedrock-mantle.${endpoint.region ?? ''}.api.aws/anthropic`;
    case 'vertex':
      return endpoint.baseUrl ?? `https://${vertexHost(endpoint.region ?? '')}/v1`;
    default:
      return endpoint.baseUrl ?? ANTHROPIC;
  }
};

/** As the SDK has them (vertex-sdk, client.ts). */
function vertexHost(region: string): string {
  if (region === 'global') return 'aiplatform.googleapis.com';
  return region === 'us' || region === 'eu'
    ? `aiplatform.${region}.rep.googleapis.com`
    : `${region}-aiplatform.googleapis.com`;
}

export function siteOf(endpoint: Endpoint): Site {
  const address = addressOf(endpoint);
  const where = URL.canParse(address) ? new URL(address).origin : 'a base URL that is not a URL';
  switch (endpoint.kind) {
    case 'bedrock':
      return {
        ...{ kind: 'bedrock', where, address: 'AWS_REGION and ANTHROPIC_BEDROCK_MANTLE_BASE_URL' },
        key: 'AWS_BEARER_TOKEN_BEDROCK, or the AWS credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)',
      };
    case 'vertex':
      return {
        ...{ kind: 'vertex', where, address: 'CLOUD_ML_REGION and ANTHROPIC_VERTEX_BASE_URL' },
        key: 'the Google credentials (GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default login) and ANTHROPIC_VERTEX_PROJECT_ID',
      };
    default:
      return {
        ...{ kind: 'anthropic', where, address: 'ANTHROPIC_BASE_URL' },
        key: 'ANTHROPIC_API_KEY (is it set, is it for this endpoint?)',
      };
  }
}

/** What is missing before anybody can be asked, or null. */
export function missingOf(
  endpoint: Endpoint,
): { kind: 'auth' | 'request'; spent: 'nothing'; detail: string } | null {
  const missing = (kind: 'auth' | 'request', detail: string) => ({ kind, spent: 'nothing', detail }) as const;
  if (endpoint.kind === 'bedrock' && endpoint.region === null)
    return missing('request', 'AWS_REGION is not set: Bedrock is asked in a region, such as us-east-1');
  if (endpoint.kind === 'vertex' && (endpoint.project === null || endpoint.region === null))
    return missing(
      'request',
      `${endpoint.project === null ? 'ANTHROPIC_VERTEX_PROJECT_ID' : 'CLOUD_ML_REGION'} is not set: Vertex is asked for a project in a region, such as global`,
    );
  if (!URL.canParse(addressOf(endpoint)))
    return missing(
      'request',
      `${siteOf(endpoint).address.split(' ').at(-1)} is not a URL; give one such as ${ANTHROPIC}`,
    );
  if (endpoint.kind === 'bedrock' || endpoint.kind === 'vertex') return null;
  const keyless = endpoint.apiKey === null && (endpoint.authToken ?? null) === null;
  return keyless && addressOf(endpoint) === ANTHROPIC
    ? missing(
        'auth',
        'ANTHROPIC_API_KEY is not set. Set it, or serve recorded conversations (docs/recorded-model.md)',
      )
    : null;
}

/** The model's name as the endpoint has it. What is not one of Anthropic's own names is taken as it was given. */
export const nameAt = (endpoint: Endpoint, model: string): string =>
  endpoint.kind === 'bedrock' && model.startsWith('claude-') ? `anthropic.${model}` : model;

/** Loaded when it is first needed: 27 MB and 0.3 s that an idle runner does without, and more of the clouds'. */
export async function open(endpoint: Endpoint): Promise<Opened> {
  const common = { baseURL: addressOf(endpoint), maxRetries: 0, logLevel: 'off' } as const;
  switch (endpoint.kind) {
    case 'bedrock': {
      const { AnthropicBedrockMantle } = await import('@anthropic-ai/bedrock-sdk');
      const base = new AnthropicBedrockMantle({ ...common, awsRegion: endpoint.region ?? undefined });
      return { base, messages: base.messages, models: null };
    }
    case 'vertex': {
      const { AnthropicVertex } = await import('@anthropic-ai/vertex-sdk');
      const { project: projectId, region } = endpoint;
      const base = new AnthropicVertex({ ...common, projectId, region });
      return { base, messages: base.messages, models: null };
    }
    default: {
      const { default: Sdk } = await import('@anthropic-ai/sdk');
      const authToken = endpoint.authToken ?? null;
      const base = new Sdk({
        ...common,
        apiKey: endpoint.apiKey ?? (authToken === null ? 'none' : null),
        authToken,
      });
      return { base, messages: base.messages, models: base.models };
    }
  }
}

/** Where the environment says that models are asked: `MILLWRIGHT_PROVIDER`, and beside it the names that the SDK's clients have. */
export function endpointOf(
  env: Readonly<Record<string, string | undefined>>,
): { kind: 'endpoint'; endpoint: Endpoint } | { kind: 'bad'; problem: string } {
  const given = (name: string): string | null => env[name]?.trim() || null;
  const provider = given('MILLWRIGHT_PROVIDER') ?? 'anthropic';
  switch (provider) {
    case 'anthropic':
      return {
        kind: 'endpoint',
        endpoint: {
          apiKey: given('ANTHROPIC_API_KEY'),
          authToken: given('ANTHROPIC_AUTH_TOKEN'),
          baseUrl: given('ANTHROPIC_BASE_URL'),
        },
      };
    case 'bedrock':
      return {
        kind: 'endpoint',
        endpoint: {
          kind: 'bedrock',
          region: given('AWS_REGION') ?? given('AWS_DEFAULT_REGION'),
          baseUrl: given('ANTHROPIC_BEDROCK_MANTLE_BASE_URL'),
        },
      };
    case 'vertex':
      return {
        kind: 'endpoint',
        endpoint: {
          kind: 'vertex',
          project: given('ANTHROPIC_VERTEX_PROJECT_ID'),
          region: given('CLOUD_ML_REGION'),
          baseUrl: given('ANTHROPIC_VERTEX_BASE_URL'),
        },
      };
    default:
      return {
        kind: 'bad',
        problem: `MILLWRIGHT_PROVIDER=${provider} is no provider; there are anthropic, bedrock, vertex`,
      };
  }
}
