/** A call of a charging network's service, ended; each retry counts as one. */
export interface ServiceCall {
  readonly driverType: string;
  /** Name of the account for messages; holds no secret. */
  readonly account: string;
  /** Operation of the service, e.g. `getLoad`. */
  readonly operation: string;
  /** `success`, or a word of the driver type for how it failed, e.g. `refused`, `timeout`. */
  readonly outcome: string;
  readonly isError: boolean;
  readonly seconds: number;
}
