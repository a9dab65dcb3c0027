// The Messages API's error body. Source: https://platform.claude.com/docs/en/api/errors

const STATUS = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
} as const;

export type ApiErrorType = keyof typeof STATUS;

/** `code`: `error.details.error_code`, where the error has one. */
export type ApiFault = { status: number; type: ApiErrorType; message: string; code?: string };

export const apiFault = (type: ApiErrorType, message: string, code?: string): ApiFault => ({
  status: STATUS[type],
  type,
  message,
  ...(code === undefined ? {} : { code }),
});

/** The error type that goes with a status; `api_error` for any other. */
export function typeOfStatus(status: number): ApiErrorType {
  for (const [type, known] of Object.entries(STATUS)) if (known === status) return type as ApiErrorType;
  return 'api_error';
}

export const errorBody = ({ type, message, code }: Omit<ApiFault, 'status'>, requestId: string): string =>
  JSON.stringify({
    type: 'error',
    error: { type, message, ...(code === undefined ? {} : { details: { error_code: code } }) },
    request_id: requestId,
  });
